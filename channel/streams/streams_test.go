package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/channel"
)

// pair is a session's two ends, whose steps are carried one by one.
type pair struct {
	manager, device *Mux
}

// newPair carries steps until the session is over. A breach of the contract fails
// the test.
func newPair(t *testing.T, serve func(string, net.Conn)) *pair {
	p := &pair{manager: New(nil), device: New(serve)}
	go p.carry(t, p.manager, p.device)
	go p.carry(t, p.device, p.manager)
	t.Cleanup(p.end)
	return p
}

func (p *pair) end() {
	p.manager.Close()
	p.device.Close()
}

func (p *pair) carry(t *testing.T, from, to *Mux) {
	for {
		select {
		case m := <-from.Out():
			if err := to.Take(m); err != nil {
				t.Errorf("%v: %v", m, err)
			}
		case <-from.over:
			return
		}
	}
}

func (p *pair) open(t *testing.T, service string) net.Conn {
	t.Helper()
	conn, err := p.manager.Open(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// E (issue 5): what is written at one end is read at the other, many windows of it,
// both ways at once; an end is an end.
func TestCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(service string, conn net.Conn) {
			defer conn.Close()
			fmt.Fprintln(conn, service)
			io.Copy(conn, conn)
		})
		conn := p.open(t, "echo")
		sent := bytes.Repeat([]byte("0123456789abcdef"), 5*Window/16)
		go func() {
			conn.Write(sent)
			conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(conn)
		if want := "echo\n" + string(sent); err != nil || string(got) != want {
			t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
		}
		conn.Close()
		synctest.Wait()
		if len(p.manager.open)+len(p.device.open) != 0 {
			t.Error("a stream that has ended is kept")
		}
	})
}

// A reader that doesn't read holds its writer at a window, and nobody else.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := make(chan net.Conn, 2)
		p := newPair(t, func(_ string, conn net.Conn) { served <- conn })
		slow, fast := p.open(t, "slow"), p.open(t, "fast")
		far := map[net.Conn]net.Conn{slow: <-served, fast: <-served}
		if far[slow].(*stream).id != slow.(*stream).id {
			far[slow], far[fast] = far[fast], far[slow]
		}
		written := make(chan int, 1)
		go func() {
			n, _ := slow.Write(make([]byte, 3*Window))
			written <- n
		}()
		synctest.Wait()
		if held := len(far[slow].(*stream).in); held != Window {
			t.Errorf("%d bytes wait at the reader, want a window (%d)", held, Window)
		}
		go fast.Write([]byte("hello"))
		buf := make([]byte, 5)
		if _, err := io.ReadFull(far[fast], buf); err != nil || string(buf) != "hello" {
			t.Errorf("beside a slow stream: %q, %v", buf, err)
		}
		far[slow].Close()
		if n := <-written; n >= 3*Window {
			t.Error("all was written to who has closed")
		}
	})
}

// Bounds hold at who opens, and what exceeds them is a breach at who serves.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(string, net.Conn) {})
		var first net.Conn
		for i := range Most {
			conn := p.open(t, "any")
			if i == 0 {
				first = conn
			}
		}
		if _, err := p.manager.Open(t.Context(), "one more"); !errors.Is(err, ErrMost) {
			t.Errorf("one stream too many: %v", err)
		}
		first.Close()
		synctest.Wait()
		p.device.remove(1) // its service has ended too
		p.open(t, "in its place")
	})
	for name, steps := range map[string][]*channel.Stream{
		"data beyond the window": {opens(1), {Id: 1, Step: &channel.Stream_Data{Data: make([]byte, Window+1)}}},
		"a grant beyond it":      {opens(1), {Id: 1, Step: &channel.Stream_Grant{Grant: 1}}},
		"a huge grant":           {opens(1), {Id: 1, Step: &channel.Stream_Grant{Grant: 1<<32 - 1}}},
		"data after the end":     {opens(1), {Id: 1, Step: &channel.Stream_End{End: true}}, {Id: 1, Step: &channel.Stream_Data{Data: []byte{1}}}},
		"an id twice":            {opens(1), opens(1)},
		"an id that was never":   {{Id: 7, Step: &channel.Stream_End{End: true}}},
		"too many":               {opens(1), opens(2), opens(3), opens(4), opens(5), opens(6), opens(7), opens(8), opens(9)},
	} {
		device := New(func(string, net.Conn) {})
		var err error
		for i, m := range steps {
			if err != nil {
				t.Errorf("%s: step %d: %v", name, i, err)
			}
			err = device.Take(m)
		}
		if channel.ReasonOf(err) != channel.Refusal_MALFORMED {
			t.Errorf("%s: %v, want a refusal as malformed", name, err)
		}
		device.Close()
	}
	if err := New(nil).Take(opens(1)); channel.ReasonOf(err) != channel.Refusal_MALFORMED {
		t.Errorf("a device that opens a stream: %v", err)
	}
}

func opens(id uint32) *channel.Stream {
	return &channel.Stream{Id: id, Step: &channel.Stream_Open{Open: "any"}}
}

// A session's end is every stream's, whoever waits.
func TestSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(_ string, conn net.Conn) { defer conn.Close(); io.Copy(io.Discard, conn) })
		conn := p.open(t, "any")
		read := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		p.end()
		if err := <-read; !errors.Is(err, ErrOver) {
			t.Errorf("a reader is told %v", err)
		}
		if _, err := conn.Write([]byte("late")); !errors.Is(err, ErrOver) {
			t.Errorf("a writer is told %v", err)
		}
		if _, err := p.manager.Open(t.Context(), "late"); !errors.Is(err, ErrOver) {
			t.Errorf("who opens is told %v", err)
		}
	})
}

// A service that isn't there says so, and an Open that nobody takes ends with its
// context.
func TestRefusedAndGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(service string, conn net.Conn) { conn.Close() })
		conn := p.open(t, "nonsense")
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("no such service: %v", err)
		}
		synctest.Wait()
		if _, err := conn.Write([]byte("more")); !errors.Is(err, ErrReset) {
			t.Errorf("writing to it: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		busy := New(nil)
		if _, err := busy.Open(ctx, "any"); !errors.Is(err, context.DeadlineExceeded) || len(busy.open) != 0 {
			t.Errorf("a session that takes nothing: %v, %d streams kept", err, len(busy.open))
		}
	})
}

// Deadlines wake who waits: net/http needs them.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, func(string, net.Conn) {})
		conn := p.open(t, "silent")
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading: %v", err)
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Write(make([]byte, 2*Window)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing: %v", err)
		}
		conn.SetDeadline(time.Time{})
		if conn.(*stream).readBy.over() {
			t.Error("a deadline that was taken away holds")
		}
	})
}

// Whatever steps come, a mux keeps its bounds and doesn't panic.
func FuzzTake(f *testing.F) {
	f.Add([]byte("o1d1d2e1r1g1"))
	f.Add([]byte(strings.Repeat("o1", 20)))
	f.Fuzz(func(t *testing.T, script []byte) {
		x := New(func(string, net.Conn) {})
		defer x.Close()
		for i := 0; i+1 < len(script); i += 2 {
			id := uint32(script[i+1] % 16)
			m := &channel.Stream{Id: id}
			switch script[i] % 6 {
			case 0:
				m = opens(id)
			case 1:
				m.Step = &channel.Stream_Data{Data: make([]byte, int(script[i])*512)}
			case 2:
				m.Step = &channel.Stream_Grant{Grant: uint32(script[i]) << 12}
			case 3:
				m.Step = &channel.Stream_End{End: true}
			case 4:
				m.Step = &channel.Stream_Reset_{Reset_: "no"}
			}
			if x.Take(m) != nil {
				return // the session ends
			}
			if len(x.open) > Most {
				t.Fatalf("%d streams are open", len(x.open))
			}
			for _, s := range x.open {
				if len(s.in) > Window || s.credit > Window {
					t.Fatalf("stream %d holds %d bytes, may send %d", s.id, len(s.in), s.credit)
				}
			}
		}
	})
}
