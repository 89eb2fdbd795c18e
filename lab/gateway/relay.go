package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// Relay carries what comes by a listener to where dial leads, until the listener
// is closed. A connection lives until both of its ends have said all.
func Relay(listener net.Listener, dial func() (net.Conn, error)) error {
	for {
		near, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("relay into the lab: %w", err)
		}
		go carry(near, dial)
	}
}

// carry closes a connection at once whose other end can't be had: who called sees
// what they would see without the relay.
func carry(near net.Conn, dial func() (net.Conn, error)) {
	defer near.Close()
	far, err := dial()
	if err != nil {
		return
	}
	defer far.Close()
	join(near, near, far)
}

// join carries bytes both ways until both ends have said all. What near says is read
// from said, which may have a part of it already.
func join(near net.Conn, said io.Reader, far net.Conn) {
	there := make(chan struct{})
	go func() {
		defer close(there)
		pass(far, near, said)
	}()
	pass(near, far, far)
	<-there
}

// pass copies one way, and says when that is over.
func pass(to, from net.Conn, said io.Reader) {
	_, err := io.Copy(to, said)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil { // the other way has no reader left either
		to.Close()
		from.Close()
	}
}
