package world

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/azuresite"
)

// crossing is the traffic between the two sites: each of two machines answers
// what the other one asks.
type crossing struct {
	socket map[string]*net.UDPConn
	heard  map[string]*atomic.Uint64 // by who asked: the latest question that was answered
	asked  atomic.Uint64
}

// crossingPort is where both listen.
const crossingPort = 7008

// crossers are the machines that talk to each other, and their addresses.
var crossers = map[string]netip.Addr{VM1: azuresite.VM1Addr, BranchPC: BranchPCAddr}

// A message is its kind and the number of the question.
const (
	question byte = 'q'
	reply    byte = 'r'
)

// startCrossing opens both ends.
func (w *World) startCrossing() error {
	if !w.opt.Cloud {
		return nil
	}
	c := &crossing{socket: map[string]*net.UDPConn{}, heard: map[string]*atomic.Uint64{}}
	for node, addr := range crossers {
		host, err := w.Host(node)
		if err != nil {
			return err
		}
		if c.socket[node], err = host.ListenUDP(&net.UDPAddr{IP: addr.AsSlice(), Port: crossingPort}); err != nil {
			return fmt.Errorf("open the crossing in %s: %w", node, err)
		}
		c.heard[node] = new(atomic.Uint64)
	}
	for node, conn := range c.socket {
		w.later(func() { conn.Close() })
		go c.serve(node, conn)
	}
	w.crossing = c
	return nil
}

// serve answers questions and takes answers down, until the socket is closed.
func (c *crossing) serve(node string, conn *net.UDPConn) {
	message := make([]byte, 16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(message)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n != 9:
		case message[0] == question:
			message[0] = reply
			_, _ = conn.WriteToUDPAddrPort(message[:n], from)
		case message[0] == reply:
			c.heard[node].Store(binary.BigEndian.Uint64(message[1:]))
		}
	}
}

// crossed is how long an answer from the other site may take.
const crossed = time.Second

// Crosses reports whether each of vm1 and branch-pc hears the other one's answer.
func (w *World) Crosses(ctx context.Context) bool {
	for from := range crossers {
		for to := range crossers {
			if from != to && !w.crossing.ask(ctx, from, crossers[to]) {
				return false
			}
		}
	}
	return true
}

func (c *crossing) ask(ctx context.Context, from string, to netip.Addr) bool {
	number := c.asked.Add(1)
	message := binary.BigEndian.AppendUint64([]byte{question}, number)
	if _, err := c.socket[from].WriteToUDPAddrPort(message, netip.AddrPortFrom(to, crossingPort)); err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, crossed)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for c.heard[from].Load() != number {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
