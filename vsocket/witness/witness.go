// Package witness is the vSocket's socket to the witness, inside the tunnel.
package witness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"releve.dev/releve/datagram"
)

// Client asks one witness at a time. Ask and Drain are for one goroutine.
type Client struct {
	cfg     Config
	socket  *datagram.Socket
	to      atomic.Pointer[netip.AddrPort]
	buf     [maxDatagram]byte
	unheard int // questions since the last reply
}

const maxDatagram = 1024

// Config is what a client must know.
type Config struct {
	Local    netip.Addr       // the vSocket's address inside
	Witness  []netip.AddrPort // of each PoP, best first
	Use      func(pop int)    // leads the tunnel there; the first is in use
	Answered func()           // called by Drain for each reply
	Missed   func()           // called by Ask for each question while replies are missing
	Retry    func()           // renews the tunnel's session before its time
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
	socket, err := datagram.New(conn)
	if err != nil {
		return nil, fmt.Errorf("witness: %w", err)
	}
	c := &Client{cfg: cfg, socket: socket}
	c.to.Store(&cfg.Witness[0])
	return c, nil
}

// Use changes whom Ask asks and Drain accepts from.
func (c *Client) Use(pop int) {
	c.to.Store(&c.cfg.Witness[pop])
	c.unheard = 0
	c.cfg.Use(pop)
}

// Retry tries to reach the witness that is in use, now.
func (c *Client) Retry() { c.cfg.Retry() }

// Ask sends a question. A tunnel that is down loses it.
func (c *Client) Ask(question []byte) {
	c.socket.Send(question, *c.to.Load())
	if c.unheard++; c.unheard > patience {
		c.cfg.Missed()
	}
}

// Watch calls wake whenever replies wait, until Close. wake has to bring the loop
// to call Drain.
func (c *Client) Watch(wake func()) { c.socket.Watch(wake) }

// Drain gives take each reply that waits. It may not keep the bytes.
func (c *Client) Drain(take func(reply []byte)) {
	c.socket.Drain(c.buf[:], func(from netip.AddrPort, reply []byte) {
		if from != *c.to.Load() {
			return
		}
		c.unheard = 0
		c.cfg.Answered()
		take(reply)
	})
}

// Close ends Watch.
func (c *Client) Close() error { return c.socket.Close() }
