package gateway

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// A relay passes both ways, says when one is over, and hangs up where nobody is.
func TestRelay(t *testing.T) {
	far := listen(t)
	near := listen(t)
	var gone atomic.Bool
	go Relay(near, func() (net.Conn, error) {
		if gone.Load() {
			return nil, io.EOF
		}
		return net.Dial("tcp4", far.Addr().String())
	})
	go func() {
		conn, err := far.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn) // until the other end has said all
		_, _ = conn.Write(append([]byte("heard "), all...))
	}()
	if got := ask(t, near, "me"); got != "heard me" {
		t.Errorf("the answer is %q", got)
	}
	gone.Store(true)
	if got := ask(t, near, "me"); got != "" {
		t.Errorf("nobody answers %q", got)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func ask(t *testing.T, at net.Listener, what string) string {
	t.Helper()
	conn, err := net.Dial("tcp4", at.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, what)
	_ = conn.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(conn)
	return string(got)
}
