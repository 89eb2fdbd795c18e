package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// lastWords is how long output may be on its way after the end of a command.
const lastWords = 200 * time.Millisecond

// Ask sends one request and waits for its reply. An error of the lab comes
// back as it is.
func Ask(ctx context.Context, request Request, files ...*os.File) (Reply, error) {
	conn, err := dial()
	if err != nil {
		return Reply{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := writeLine(conn, request, files...); err != nil {
		return Reply{}, fmt.Errorf("ask the lab: %w", err)
	}
	var reply Reply
	err = readLine(bufio.NewReader(conn), &reply)
	switch {
	case ctx.Err() != nil:
		return Reply{}, ctx.Err()
	case errors.Is(err, io.EOF):
		return Reply{}, errors.New("the lab went down meanwhile")
	case err != nil:
		return Reply{}, fmt.Errorf("read the lab's answer: %w", err)
	case reply.Error != "":
		return reply, errors.New(reply.Error)
	}
	return reply, nil
}

// Status asks for the lab's status and decodes it.
func Status(ctx context.Context, status any) error {
	reply, err := Ask(ctx, Request{Op: OpStatus})
	if err != nil {
		return err
	}
	return json.Unmarshal(reply.Data, status)
}

// Exec runs a command in a host of the lab, on this process's terminal where
// standard input is one, and returns the command's exit status.
func Exec(ctx context.Context, node string, args []string) (int, error) {
	request := Request{Op: OpExec, Node: node, Args: args, Env: os.Environ()}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return execTTY(ctx, request)
	}
	reply, err := Ask(ctx, request, os.Stdin, os.Stdout, os.Stderr)
	return reply.Exit, err
}

// execTTY makes a terminal here and hands its far end to the lab: the room's
// programs get a terminal that is theirs to control, Ctrl-C included.
func execTTY(ctx context.Context, request Request) (int, error) {
	near, far, err := pty.Open()
	if err != nil {
		return 0, fmt.Errorf("make a terminal: %w", err)
	}
	defer near.Close()
	_ = pty.InheritSize(os.Stdin, near)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	go func() {
		for range resized {
			_ = pty.InheritSize(os.Stdin, near)
		}
	}()
	before, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return 0, fmt.Errorf("set the terminal up: %w", err)
	}
	defer func() { _ = term.Restore(int(os.Stdin.Fd()), before) }()
	request.TTY = true
	go func() { _, _ = io.Copy(near, os.Stdin) }()
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(os.Stdout, near) // ends with EIO once nobody holds the far end
	}()
	reply, err := Ask(ctx, request, far)
	far.Close()
	select { // a program left in the background may hold the far end for ever
	case <-shown:
	case <-time.After(lastWords):
	}
	return reply.Exit, err
}

func dial() (*net.UnixConn, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name(os.Getuid()), Net: "unix"})
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w\nhint: start one with: releve lab up", ErrNotUp)
	}
	if err != nil {
		return nil, fmt.Errorf("reach the lab: %w", err)
	}
	if err := checkPeer(conn, os.Getuid()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
