package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/state"
	"releve.dev/releve/pop/witness"
	"releve.dev/releve/site"
)

// openWitness opens the witness's socket, which only the tunnels lead to.
func (p *pop) openWitness() (err error) {
	began := time.Now()
	p.witness, err = witness.Open(witness.Config{
		Dir: state.WitnessDir(p.cfg.StateDir), Run: newRun, Ways: p.hub,
		Clock: func() time.Duration { return time.Since(began) },
		Note: func(site, what, detail string) {
			slog.Info("witness", "site", site, "what", what, "detail", detail)
		},
	})
	if err != nil {
		return err
	}
	at := &net.UDPAddr{IP: p.cfg.Witness.Address.AsSlice(), Port: p.cfg.Witness.Port}
	if p.socket, err = net.ListenUDP("udp4", at); err != nil {
		return fmt.Errorf("the witness's socket: %w\nhint: does another program have the port?", err)
	}
	widen(p.socket)
	return nil
}

// widen makes room for all sites' questions while this program waits for a CPU, as
// well as it can. Where it may, it goes beyond the kernel's limit for everybody
// (net.core.rmem_max), in which some hundred questions find room.
func widen(socket *net.UDPConn) {
	forced := errors.ErrUnsupported
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			forced = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, witnessBuffer)
		})
	}
	if err != nil || forced != nil {
		_ = socket.SetReadBuffer(witnessBuffer)
	}
}

// newRun names a life of a site's witness.
func newRun() uint64 {
	var run [8]byte
	_, _ = rand.Read(run[:]) // never fails
	return binary.BigEndian.Uint64(run[:]) | 1
}

// witnessBuffer holds some ten thousand questions.
const witnessBuffer = 8 << 20

// witnessSites is what the witness must know of the sites.
func witnessSites(sites []config.Site) []witness.Site {
	list := make([]witness.Site, 0, len(sites))
	for i := range sites {
		s := &sites[i]
		one := witness.Site{Name: s.Name, ID: uint64(s.ID)}
		for _, side := range []site.Side{site.Primary, site.Secondary} {
			if v := s.VSocket(side); v != nil {
				one.VSockets[side-site.Primary] = witness.VSocket{Address: v.Address, Key: v.WitnessKeyBytes()}
			}
		}
		list = append(list, one)
	}
	return list
}

// listen answers until the socket is closed.
func (p *pop) listen() {
	if err := p.witness.Listen(p.socket); err != nil && !errors.Is(err, net.ErrClosed) {
		slog.Error("the witness has ended", "reason", err)
		p.problem("the witness has ended: " + err.Error())
	}
}
