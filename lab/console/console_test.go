package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"releve.dev/releve/lab/room/roomtest"
)

func TestMain(m *testing.M) { roomtest.Main(m) }

// stand is a lab of one host: the machine of the test.
type stand struct {
	mu     sync.Mutex
	faults []string
}

func (s *stand) injected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

func (s *stand) Status(context.Context) (json.RawMessage, error) {
	return json.RawMessage(`{"fine":true}`), nil
}

func (s *stand) Fault(_ context.Context, node, kind string) error {
	if kind != "crash" {
		return errors.New("unknown fault\nhint: crash")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, node+" "+kind)
	return nil
}

func (s *stand) Heal(context.Context) error { return nil }

func (s *stand) StartIn(node string, cmd *exec.Cmd) error {
	if node != "vm1" {
		return errors.New("unknown node")
	}
	return cmd.Start()
}

func serve(t *testing.T) (lab *stand, down chan struct{}) {
	t.Helper()
	roomtest.Need(t) // its network namespace has a control socket of its own
	file, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	lab, down = &stand{}, make(chan struct{}, 1)
	s, err := Serve(file, lab, func() { down <- struct{}{} }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return lab, down
}

func TestRequests(t *testing.T) {
	lab, down := serve(t)
	ctx := t.Context()
	var status struct{ Fine bool }
	if err := Status(ctx, &status); err != nil || !status.Fine {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, err := Ask(ctx, Request{Op: OpFault, Node: "primary", Kind: "crash"}); err != nil || lab.injected() != 1 {
		t.Errorf("fault: %v, injected %d", err, lab.injected())
	}
	if _, err := Ask(ctx, Request{Op: OpFault, Kind: "rust"}); err == nil || err.Error() != "unknown fault\nhint: crash" {
		t.Errorf("the lab's own words don't come back: %v", err)
	}
	if _, err := Ask(ctx, Request{Op: "dance"}); err == nil {
		t.Error("an unknown request is answered")
	}
	if _, err := Ask(ctx, Request{Op: OpDown}); err != nil {
		t.Error(err)
	}
	<-down
}

func TestOneLabAUser(t *testing.T) {
	serve(t)
	if _, err := Listen(); !errors.Is(err, ErrIsUp) {
		t.Errorf("a second lab: %v, want ErrIsUp", err)
	}
}

func TestNoLab(t *testing.T) {
	roomtest.Need(t)
	if _, err := Ask(t.Context(), Request{Op: OpStatus}); !errors.Is(err, ErrNotUp) {
		t.Errorf("without a lab: %v, want ErrNotUp", err)
	}
}

func TestExecPassesOutputAndStatus(t *testing.T) {
	serve(t)
	in, feed, _ := os.Pipe()
	read, out, _ := os.Pipe()
	feed.WriteString("hello\n")
	feed.Close()
	reply, err := Ask(t.Context(), Request{Op: OpExec, Node: "vm1", Args: []string{"sh", "-c", "cat; exit 7"}, Env: os.Environ()}, in, out, out)
	out.Close()
	text, _ := io.ReadAll(read)
	if err != nil || reply.Exit != 7 || string(text) != "hello\n" {
		t.Errorf("exit %d, output %q, %v", reply.Exit, text, err)
	}
	if _, err := Ask(t.Context(), Request{Op: OpExec, Node: "mars", Args: []string{"true"}}, in, in, in); err == nil {
		t.Error("a command ran in a host that isn't there")
	}
	if _, err := Ask(t.Context(), Request{Op: OpExec, Node: "vm1", Args: []string{"true"}}); err == nil {
		t.Error("a command ran without descriptors")
	}
}

// The command's terminal is its own: it can ask its name, and Ctrl-C reaches it.
func TestExecOnATerminal(t *testing.T) {
	serve(t)
	near, far, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	result := make(chan Reply, 1)
	go func() {
		reply, err := Ask(t.Context(), Request{Op: OpExec, Node: "vm1", TTY: true, Env: os.Environ(),
			Args: []string{"sh", "-c", "test -t 0 && echo ready; exec sleep 60"}}, far)
		if err != nil {
			t.Error(err)
		}
		result <- reply
	}()
	if line, err := bufio.NewReader(near).ReadString('\n'); strings.TrimSpace(line) != "ready" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := near.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	select {
	case reply := <-result:
		if reply.Exit != 130 {
			t.Errorf("exit %d after Ctrl-C, want 130", reply.Exit)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Ctrl-C doesn't reach the command")
	}
}

// Who goes away takes the command along.
func TestExecEndsWithItsClient(t *testing.T) {
	serve(t)
	read, out, _ := os.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = Ask(ctx, Request{Op: OpExec, Node: "vm1", Env: os.Environ(), Args: []string{"sh", "-c", "echo up; exec sleep 600"}}, os.Stdin, out, out)
		out.Close()
	}()
	reader := bufio.NewReader(read)
	if line, err := reader.ReadString('\n'); line != "up\n" {
		t.Fatalf("%q, %v", line, err)
	}
	cancel()
	<-ended
	_ = read.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := reader.ReadByte(); err != io.EOF {
		t.Errorf("the command outlives its client: %v", err)
	}
}
