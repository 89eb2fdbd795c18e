// Package witness is the vSocket's socket to the witness, inside the tunnel. Like
// vsocket/lan it says that something waits and leaves the reading to Drain, so
// that no verdict is drawn while an answer lies unread.
package witness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Client asks one witness at a time.
//
// Ask and Drain are for one goroutine.
type Client struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	to      atomic.Pointer[netip.AddrPort]
	buf     [maxDatagram]byte
	drained chan struct{} // has a token once Drain has emptied the socket
	closed  chan struct{}
	close   sync.Once

	unheard  int // questions since the last reply
	answered func()
	missed   func()
}

const maxDatagram = 1024

// Config is what a client must know.
type Config struct {
	Local    netip.Addr // the vSocket's address inside
	Witness  netip.AddrPort
	Answered func() // called by Drain for each reply
	Missed   func() // called by Ask while replies are missing, once for each question
}

// patience is how many questions may be unanswered before Missed is called: two
// are under way at the fastest pace and the longest trip.
const patience = 2

// Open opens the socket. The tunnel's device must have the address.
func Open(cfg Config) (*Client, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: cfg.Local.AsSlice()})
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil, fmt.Errorf("witness: no interface has the address %s\nhint: it is the tunnel's, `cloud.address` in the config", cfg.Local)
	}
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &Client{conn: conn, raw: raw, drained: make(chan struct{}, 1), closed: make(chan struct{}), answered: cfg.Answered, missed: cfg.Missed}
	c.SetWitness(cfg.Witness)
	return c, nil
}

// SetWitness changes whom Ask asks and Drain accepts from.
func (c *Client) SetWitness(to netip.AddrPort) { c.to.Store(&to) }

// Ask sends a question. A tunnel that is down loses it, as any network may.
func (c *Client) Ask(datagram []byte) {
	_, _ = c.conn.WriteToUDPAddrPort(datagram, *c.to.Load())
	if c.unheard++; c.unheard > patience {
		c.missed()
	}
}

// Watch calls wake whenever replies wait, until Close. wake has to bring the loop
// to call Drain; it is called again only after a Drain.
func (c *Client) Watch(wake func()) {
	go func() {
		for c.raw.Read(waits) == nil {
			wake()
			select {
			case <-c.drained:
			case <-c.closed:
				return
			}
		}
	}()
}

// waits is for RawConn.Read: it reports whether a datagram waits, and leaves it.
func waits(fd uintptr) bool {
	var one [1]byte
	_, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return !errors.Is(err, unix.EAGAIN)
}

// Drain gives take each reply that waits, until none does.
func (c *Client) Drain(take func(datagram []byte)) {
	witness := *c.to.Load()
	for {
		n, from, err := c.next()
		if err != nil {
			break
		}
		if from == witness {
			c.unheard = 0
			c.answered()
			take(c.buf[:n])
		}
	}
	select {
	case c.drained <- struct{}{}:
	default:
	}
}

func (c *Client) next() (n int, from netip.AddrPort, err error) {
	var read error
	err = c.raw.Control(func(fd uintptr) {
		var sender unix.Sockaddr
		n, sender, read = unix.Recvfrom(int(fd), c.buf[:], unix.MSG_DONTWAIT)
		if v4, ok := sender.(*unix.SockaddrInet4); ok {
			from = netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port))
		}
	})
	return n, from, errors.Join(err, read)
}

// Close ends Watch.
func (c *Client) Close() error {
	c.close.Do(func() { close(c.closed) })
	return c.conn.Close()
}
