package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/room"
	"releve.dev/releve/pop/config"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// crowd is a PoP, and the vSockets of all its sites in this process.
type crowd struct {
	pop, far *room.Host
	dir      string
	settings config.Config
	public   tunnel.Key // the PoP's
	local    bool       // the vSockets ask on the PoP's own loopback
	askers   []*asker
	program  *exec.Cmd
	ended    chan struct{}
}

var (
	popEnd, farEnd = netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("192.0.2.2/24")
	outside        = netip.MustParsePrefix("198.18.0.0/15") // of the vSockets, one each (RFC 2544)
	inside         = netip.MustParsePrefix("100.65.0.0/16")
)

// nth is an address of a range.
func nth(r netip.Prefix, n int) netip.Addr {
	a := r.Addr().As4()
	a[2], a[3] = byte(n>>8), byte(n)
	return netip.AddrFrom4(a)
}

// serveCrowd is the actor.
func serveCrowd() error {
	c := &crowd{}
	return errors.Join(obey(c.do), c.kill())
}

func (c *crowd) do(o order) (any, error) {
	switch o.Do {
	case "open":
		return nil, c.open(o.Sites, o.Local)
	case "ask":
		return c.ask(o)
	case "restart":
		return c.restart(o)
	}
	return nil, fmt.Errorf("unknown order %q", o.Do)
}

// open makes the hosts and starts the PoP and, unless they are on its loopback,
// the vSockets' tunnels.
func (c *crowd) open(sites int, local bool) (err error) {
	c.local = local
	if c.dir, err = os.MkdirTemp(room.Dir, "crowd"); err != nil {
		return err
	}
	if err = c.network(); err != nil {
		return err
	}
	keys := c.site(sites)
	text, err := yaml.Marshal(c.settings)
	if err == nil {
		err = os.WriteFile(c.path("pop.yaml"), text, 0o600)
	}
	if err == nil {
		err = c.initPoP()
	}
	if err == nil {
		err = c.start()
	}
	if err != nil {
		return err
	}
	if local {
		return c.pop.Do(c.sockets)
	}
	return c.far.Do(func() error { return c.tunnels(keys) })
}

func (c *crowd) path(name string) string { return filepath.Join(c.dir, name) }

func (c *crowd) network() (err error) {
	if c.pop, err = room.NewHost("pop"); err != nil {
		return err
	}
	if c.far, err = room.NewHost("far"); err != nil {
		return err
	}
	if err := c.pop.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(c.far.NS)})
	}); err != nil {
		return err
	}
	up := func(own netip.Prefix) error {
		eth, err := netlink.LinkByName("eth0")
		if err == nil {
			err = netlink.AddrAdd(eth, &netlink.Addr{IPNet: ipNet(own)})
		}
		if err == nil {
			err = netlink.LinkSetUp(eth)
		}
		return err
	}
	return errors.Join(
		c.far.Do(func() error { return errors.Join(up(farEnd), own(outside)) }),
		c.pop.Do(func() error {
			if err := up(popEnd); err != nil {
				return err
			}
			return netlink.RouteAdd(&netlink.Route{Dst: ipNet(outside), Gw: farEnd.Addr().AsSlice()})
		}))
}

// own makes a whole range this host's own.
func own(r netip.Prefix) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(r), Table: unix.RT_TABLE_LOCAL,
		Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST})
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// site makes the settings and the askers; it returns their tunnels' keys.
func (c *crowd) site(sites int) (keys []tunnel.Key) {
	cfg := config.Default()
	cfg.Name, cfg.StateDir, cfg.RunDir = "pop1", c.path("state"), c.path("run")
	cfg.Uplink = config.Uplink{Name: "eth0", Address: popEnd.Addr()}
	for i := range sites {
		s := config.Site{Name: fmt.Sprintf("s%d", i), ID: uint32(i + 1),
			Ranges: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)}}
		for n, side := range []site.Side{site.Primary, site.Secondary} {
			key, secret := tunnel.GenerateKey(), make([]byte, 32)
			_, _ = rand.Read(secret) // never fails (crypto/rand)
			v := &config.VSocket{PublicKey: key.Public(), Address: nth(inside, 2*i+n), WitnessKey: base64.StdEncoding.EncodeToString(secret)}
			if side == site.Primary {
				s.Primary = v
			} else {
				s.Secondary = v
			}
			keys = append(keys, key)
			c.askers = append(c.askers, newAsker(uint64(s.ID), side, v.Address, secret))
		}
		cfg.Sites = append(cfg.Sites, s)
	}
	c.settings = cfg
	return keys
}

func (c *crowd) command(name string) (*exec.Cmd, error) {
	program, err := filepath.Abs("bin/releve-pop")
	return exec.Command(program, name, "--config", c.path("pop.yaml")), err
}

func (c *crowd) initPoP() error {
	cmd, err := c.command("init")
	if err != nil {
		return err
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err = c.pop.Start(cmd); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("releve-pop init: %w", err)
	}
	return c.public.UnmarshalText([]byte(strings.TrimSpace(out.String())))
}

// start starts the PoP, without waiting for anything.
func (c *crowd) start() error {
	cmd, err := c.command("run")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := c.pop.Start(cmd); err != nil {
		return err
	}
	c.program, c.ended = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in the log
		close(c.ended)
	}()
	return nil
}

func (c *crowd) kill() error {
	if c.program == nil {
		return nil
	}
	err := c.program.Process.Kill()
	<-c.ended
	return err
}

// lastWords are the end of the PoP's log.
func (c *crowd) lastWords() string {
	text, _ := os.ReadFile(c.path("log"))
	return string(text[max(0, len(text)-500):])
}

const askerPort = 20000

// sockets gives each asker one on the loopback.
func (c *crowd) sockets() error {
	to := netip.AddrPortFrom(c.settings.Witness.Address, uint16(c.settings.Witness.Port))
	for _, a := range c.askers {
		// As specific as the PoP's own route to it: the kernel keeps both tables as one.
		if err := own(netip.PrefixFrom(a.inside, 32)); err != nil {
			return err
		}
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: a.inside.AsSlice(), Port: askerPort})
		if err != nil {
			return err
		}
		a.send = func(question []byte) { _, _ = socket.WriteToUDPAddrPort(question, to) }
		go func() {
			buf := make([]byte, 1024)
			for {
				n, err := socket.Read(buf)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					a.take(buf[:n])
				}
			}
		}()
	}
	return nil
}

// tunnels gives each asker one, from an address of its own: a device that is under
// load takes few handshakes from one address.
func (c *crowd) tunnels(keys []tunnel.Key) error {
	to := netip.AddrPortFrom(c.settings.Witness.Address, uint16(c.settings.Witness.Port))
	for n, a := range c.askers {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: nth(outside, n).AsSlice()})
		if err != nil {
			return err
		}
		port := c.settings.Listen.Port(a.question.From)
		i, err := newInitiator(keys[n], c.public, socket, netip.AddrPortFrom(popEnd.Addr(), uint16(port)), func(packet []byte) {
			if len(packet) > headers {
				a.take(packet[headers:])
			}
		})
		if err != nil {
			return err
		}
		from := netip.AddrPortFrom(a.inside, askerPort)
		a.renew, a.send = i.renew, func(question []byte) { i.send(packed(question, from, to)) }
	}
	return nil
}
