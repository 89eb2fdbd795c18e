// Package console is how `releve lab status`, `fault`, `exec` and their kin
// reach a lab that is up: an abstract Unix socket in the network namespace of
// the caller, which is gone with the lab's last process. Both ends check that
// the other is of the same user.
//
// A connection carries one request, a line of JSON, with the descriptors of an
// exec as ancillary data of its first bytes, and one reply, a line of JSON.
// Closing the connection early ends what was asked.
package console

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The operations.
const (
	OpStatus = "status"
	OpFault  = "fault"
	OpHeal   = "heal"
	OpExec   = "exec"
	OpDown   = "down"
)

// Request is what a client asks.
type Request struct {
	Op   string   `json:"op"`
	Node string   `json:"node,omitempty"`
	Kind string   `json:"kind,omitempty"` // of a fault
	Args []string `json:"args,omitempty"` // of an exec
	Env  []string `json:"env,omitempty"`  // of an exec
	TTY  bool     `json:"tty,omitempty"`  // the one descriptor is a terminal to control
}

// Reply is the lab's answer.
type Reply struct {
	Error string          `json:"error,omitempty"` // one line, and maybe a hint
	Exit  int             `json:"exit,omitempty"`  // of an exec
	Data  json.RawMessage `json:"data,omitempty"`  // of a status
}

// requestLimit is the longest line that either end reads.
const requestLimit = 1 << 20

const greetTime = 5 * time.Second

// ErrNotUp is returned to whoever asks a lab that isn't there.
var ErrNotUp = errors.New("no lab is up")

// ErrIsUp is returned to who would start a second one.
var ErrIsUp = errors.New("a lab is up already")

// name of the socket; one lab a user.
func name(uid int) string { return fmt.Sprintf("@releve-lab-%d", uid) }

// Listen claims the user's socket. It must be called in the namespaces of the
// user, before the lab enters its room; the file is passed into it.
func Listen() (*os.File, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name(os.Getuid()), Net: "unix"})
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("%w\nhint: use it, or end it with: releve lab down", ErrIsUp)
	}
	if err != nil {
		return nil, fmt.Errorf("open the lab's control socket: %w", err)
	}
	defer listener.Close()
	return listener.File()
}

// checkPeer says whether the other end is of the wanted user.
func checkPeer(conn *net.UnixConn, uid int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if int(peer.Uid) != uid {
		return fmt.Errorf("the other end of the lab's control socket is user %d, not %d", peer.Uid, uid)
	}
	return nil
}

func readLine(reader *bufio.Reader, value any) error {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(line) > requestLimit {
			return errors.New("line too long")
		}
	}
	return json.Unmarshal(line, value)
}

func writeLine(conn *net.UnixConn, value any, files ...*os.File) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	n, _, err := conn.WriteMsgUnix(line, rights, nil)
	if err == nil && n < len(line) {
		_, err = conn.Write(line[n:])
	}
	return err
}
