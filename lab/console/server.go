package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is what the console controls.
type Lab interface {
	Status(ctx context.Context) (json.RawMessage, error)
	Fault(ctx context.Context, node, kind string) error
	Heal(ctx context.Context) error
	// StartIn starts a program inside a host.
	StartIn(node string, cmd *exec.Cmd) error
}

// Server answers on the socket that Listen made.
type Server struct {
	lab      Lab
	down     func()
	log      *slog.Logger
	listener *net.UnixListener
	wait     sync.WaitGroup
}

// Serve starts to answer. Down is called once somebody asks for the end; the
// server must be closed by the caller.
func Serve(file *os.File, lab Lab, down func(), log *slog.Logger) (*Server, error) {
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("take over the lab's control socket: %w", err)
	}
	file.Close()
	unixListener, ok := listener.(*net.UnixListener)
	if !ok {
		listener.Close()
		return nil, errors.New("the lab's control socket is not a Unix socket")
	}
	s := &Server{lab: lab, down: down, log: log, listener: unixListener}
	s.wait.Go(s.accept)
	return s, nil
}

// Close stops answering and ends what is under way.
func (s *Server) Close() {
	s.listener.Close()
	s.wait.Wait()
}

func (s *Server) accept() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return
		}
		s.wait.Go(func() {
			defer conn.Close()
			if err := s.handle(ctx, conn); err != nil {
				s.log.Warn("console request failed", "error", err)
			}
		})
	}
}

func (s *Server) handle(ctx context.Context, conn *net.UnixConn) error {
	if err := checkPeer(conn, os.Getuid()); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(greetTime))
	request, files, err := receive(conn)
	defer closeAll(files)
	if err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Time{})
	// The client says nothing more: an end of file means that it is gone.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		cancel()
	}()
	return writeLine(conn, s.answer(ctx, request, files))
}

func (s *Server) answer(ctx context.Context, r Request, files []*os.File) (reply Reply) {
	var err error
	switch r.Op {
	case OpStatus:
		reply.Data, err = s.lab.Status(ctx)
	case OpFault:
		err = s.lab.Fault(ctx, r.Node, r.Kind)
	case OpHeal:
		err = s.lab.Heal(ctx)
	case OpExec:
		reply.Exit, err = s.exec(ctx, r, files)
	case OpDown:
		s.down()
	default:
		err = fmt.Errorf("the lab doesn't know the request %q\nhint: was it started by another release?", r.Op)
	}
	if err != nil {
		reply.Error = err.Error()
	}
	return reply
}

// receive reads a request and the descriptors that came with it.
func receive(conn *net.UnixConn) (request Request, files []*os.File, err error) {
	first, control := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(3*4))
	n, c, _, _, err := conn.ReadMsgUnix(first, control)
	if err != nil {
		return request, nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:c])
	if err != nil {
		return request, nil, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return request, files, readLine(bufio.NewReader(io.MultiReader(bytes.NewReader(first[:n]), conn)), &request)
}

// exec runs a program in a host until it ends or its client is gone.
func (s *Server) exec(ctx context.Context, r Request, files []*os.File) (int, error) {
	want := 3
	if r.TTY {
		want = 1
	}
	if len(files) != want || len(r.Args) == 0 {
		return 0, fmt.Errorf("exec needs a command and %d descriptors, got %d", want, len(files))
	}
	cmd := exec.Command(r.Args[0], r.Args[1:]...)
	cmd.Env = r.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[len(files)-1], files[len(files)-1]
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: r.TTY}
	if !r.TTY {
		cmd.Stdout = files[1]
	}
	if err := s.lab.StartIn(r.Node, cmd); err != nil {
		return 0, fmt.Errorf("run %s in %s: %w", r.Args[0], r.Node, err)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGHUP)
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		}
	})
	defer stop()
	err := cmd.Wait()
	close(ended)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	w := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if w.Signaled() {
		return 128 + int(w.Signal()), nil
	}
	return w.ExitStatus(), nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
