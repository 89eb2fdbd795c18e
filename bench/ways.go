package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/tunnel"
)

// The three ways from vm1 to the Internet host. Each has one NAT, as the Internet
// carries no address of a site.
const (
	plainWay = "plain" // a vSocket forwards
	bareWay  = "bare"  // WireGuard to the cloud and a masquerade there, without Relève
	cloudWay = "cloud" // Relève
)

// way is one of them, up.
type way struct {
	world     *world.World
	near, far *room.Host
	flows     *flows // nil: none are open
	closers   []func() error
}

// settled is how long a lab may take until it serves.
const settled = 2 * time.Minute

// serveWay is the actor that has a way.
func serveWay(kind string) error {
	w, err := openWay(kind)
	if err != nil {
		return err
	}
	return errors.Join(obey(w.measure), w.close())
}

func openWay(kind string) (*way, error) {
	opt := world.Options{Profile: profile.Instant, Seed: 1, Cloud: kind != plainWay}
	var err error
	if kind == bareWay {
		opt.Agent, err = idle()
		opt.PoP = opt.Agent
	} else {
		opt.Agent, err = filepath.Abs("bin/releve-vsocket")
		opt.PoP = filepath.Join(filepath.Dir(opt.Agent), "releve-pop")
	}
	if err != nil {
		return nil, err
	}
	w := &way{}
	if w.world, err = world.Up(opt); err != nil {
		return nil, err
	}
	if err = w.begin(kind); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *way) begin(kind string) (err error) {
	if w.near, err = w.world.Host(world.VM1); err != nil {
		return err
	}
	if w.far, err = w.world.Host(world.Internet); err != nil {
		return err
	}
	if kind == bareWay {
		err = w.bare()
	} else {
		err = w.world.Await(context.Background(), "the lab serves", settled, func(ctx context.Context) bool {
			return w.world.Ready(ctx, world.Primary)
		})
	}
	if err == nil {
		w.world.Finish() // its own traffic would be measured too
	}
	return err
}

func (w *way) close() (err error) {
	w.shut()
	for _, closer := range w.closers {
		err = errors.Join(err, closer())
	}
	w.world.Down()
	return err
}

// idle is a program for the nodes of a lab in which no Relève shall run.
func idle() (string, error) {
	path := filepath.Join(room.Dir, "idle")
	script := "#!/bin/sh\n[ $1 != init ] || exec echo " + tunnel.GenerateKey().Public().String() + "\nexec sleep 100000\n"
	return path, os.WriteFile(path, []byte(script), 0o755)
}

// bare makes a tunnel from the primary to the PoP, as one would by hand.
func (w *way) bare() error {
	near, far := end{w: w, node: world.Primary, name: "bare-v"}, end{w: w, node: world.PoP1, name: "bare-p", port: 51820}
	for _, e := range []*end{&near, &far} {
		e.key = tunnel.GenerateKey()
		if err := e.open(); err != nil {
			return fmt.Errorf("bare tunnel, %s: %w", e.node, err)
		}
	}
	anywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	return errors.Join(
		near.device.Set([]tunnel.Peer{{PublicKey: far.key.Public(), Allowed: []netip.Prefix{anywhere},
			Endpoint: netip.AddrPortFrom(azuresite.PoP1Addr, uint16(far.port)), KeepAlive: 25 * time.Second}}),
		far.device.Set([]tunnel.Peer{{PublicKey: near.key.Public(), Allowed: []netip.Prefix{azuresite.Space}}}),
		near.lead(anywhere, bareTable), far.lead(azuresite.Space, 0), far.masquerade(),
		near.in(func() error {
			rule := netlink.NewRule()
			rule.Family, rule.IifName, rule.Table = netlink.FAMILY_V4, azuresite.LAN, bareTable
			return netlink.RuleAdd(rule)
		}))
}

// bareTable is the primary's route table for what comes in by its LAN.
const bareTable = 7

// end is one of a bare tunnel.
type end struct {
	w      *way
	node   string
	name   string
	port   int
	key    tunnel.Key
	device *tunnel.Device
}

func (e *end) in(do func() error) error {
	host, err := e.w.world.Host(e.node)
	if err != nil {
		return err
	}
	return host.Do(do)
}

func (e *end) open() error {
	return e.in(func() (err error) {
		e.device, err = tunnel.Open(tunnel.Config{Name: e.name, PrivateKey: e.key, ListenPort: e.port, Program: []string{"/proc/self/exe", roleFlag, "device"}})
		if err != nil {
			return err
		}
		e.w.closers = append(e.w.closers, e.device.Close)
		for key, value := range map[string]string{"ip_forward": "1", "conf/all/rp_filter": "0", "conf/" + e.name + "/rp_filter": "0"} {
			err = errors.Join(err, os.WriteFile("/proc/sys/net/ipv4/"+key, []byte(value), 0))
		}
		return err
	})
}

func (e *end) lead(to netip.Prefix, table int) error {
	return e.in(func() error {
		return netlink.RouteAdd(&netlink.Route{LinkIndex: e.device.Index(), Table: table, Scope: netlink.SCOPE_LINK,
			Dst: &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), 32)}})
	})
}

func (e *end) masquerade() error {
	return e.in(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		table := conn.AddTable(&nftables.Table{Name: "bare", Family: nftables.TableFamilyIPv4})
		chain := conn.AddChain(&nftables.Chain{Name: "egress", Table: table, Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})
		device := make([]byte, 16)
		copy(device, e.name)
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: device},
			&expr.Masq{},
		}})
		return conn.Flush()
	})
}
