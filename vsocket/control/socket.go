// Package control is the local door of a running agent: HTTP over a Unix
// socket, for the command line of the same machine. What is behind each
// request is given by the program that opens the door.
//
//	GET  /status               site.Status
//	GET  /journal?since=TIME&follow=true   lines of site.Entry
//	POST /api-test             lines of JSON, one a step
//	POST /stop                 204; the agent ends cleanly
//
// Errors are {"error": "text"} with a status of 4xx or 5xx. Who may connect is
// who may open the socket (mode 0600), and whose user id is the agent's or 0.
package control

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

const (
	socketName = "vsocket.sock"
	lockName   = "vsocket.lock"
)

// Socket is the socket's path in the run directory of an agent.
func Socket(runDir string) string { return filepath.Join(runDir, socketName) }

// ErrRunning is the error of a second agent in the same run directory.
var ErrRunning = errors.New("another agent is running")

// listen opens the socket. One that a killed agent has left behind is
// replaced; a running agent holds the lock beside it.
func listen(runDir string) (net.Listener, error) {
	if err := os.MkdirAll(runDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the run directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(runDir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the run directory's lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%w in %s\nhint: stop it first, or give this one a run_dir and a state_dir of its own", ErrRunning, runDir)
	}
	listener, err := open(Socket(runDir))
	if err != nil {
		lock.Close()
		return nil, err
	}
	return guarded{listener, lock}, nil
}

func open(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket that an agent left: %w", err)
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

// guarded lets in root and the agent's own user alone, whatever the modes of
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

func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(errorBody{text})
}
