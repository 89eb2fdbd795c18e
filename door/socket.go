// Package door is the local door of a running program: HTTP over a Unix socket,
// for the command line of the same machine. What is behind each request is given
// by who opens the door.
//
// Errors are {"error": "text"} with a status of 4xx or 5xx. Who may connect is who
// may open the socket (mode 0600), and whose user id is the program's or 0.
package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Owner is whose door it is.
type Owner struct {
	Program string // what starts it, with "run"
	Who     string // what it is called, like "agent"
	File    string // name of its socket, and of the lock beside it, without their endings
}

// Socket is the socket's path in a run directory.
func (o Owner) Socket(runDir string) string { return filepath.Join(runDir, o.File+".sock") }

// ErrRunning is wrapped by the error of a second program in the same run directory.
var ErrRunning = errors.New("is running")

// listen opens the socket. One that a killed program has left behind is replaced;
// a running one holds the lock beside it.
func (o Owner) listen(runDir string) (net.Listener, error) {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the run directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(runDir, o.File+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the run directory's lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another %s %w in %s\nhint: stop it first, or give this one a run_dir and a state_dir of its own", o.Who, ErrRunning, runDir)
	}
	listener, err := open(o.Socket(runDir))
	if err != nil {
		lock.Close()
		return nil, err
	}
	return guarded{listener, lock}, nil
}

func open(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket that was left: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the status socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("closing the status socket to others: %w", err)
	}
	return listener, nil
}

// guarded lets in root and the program's own user alone, whatever the modes of
// the directories are.
type guarded struct {
	net.Listener
	lock *os.File
}

// Close removes the socket, then lets go of the lock.
func (g guarded) Close() error { return errors.Join(g.Listener.Close(), g.lock.Close()) }

func (g guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, err := peerUser(conn); err == nil && (uid == 0 || uid == uint32(os.Geteuid())) {
			return conn, nil
		}
		conn.Close()
	}
}

// peerUser asks the kernel who is at the other end (unix(7), SO_PEERCRED).
func peerUser(conn net.Conn) (uint32, error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return cred.Uid, nil
}

type errorBody struct {
	Error string `json:"error"`
}

// Fail answers with an error.
func Fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(errorBody{text})
}

// Answer answers with a value, or with the error that there is instead.
func Answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		Fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}
