// Package gate is the kernel's word on what a vSocket forwards (R9): an nftables
// table in which what comes from the LAN passes, to the tunnel or the WAN, only
// while a set has an element, and each element has a time-out. An agent that has stopped forwards nothing, without
// running a line of code.
//
// The bound: nftables counts a time-out from when the kernel runs the call, and
// ends it within a jiffy (4 ms at 250 Hz). After each call the clock is read
// again: a call that took longer than that is made anew with what is left, and
// one that took beyond the deadline is undone. So the gate is open past its
// deadline for at most two jiffies, which the lease's margin
// (La = L - max(20 ms, L/10)) covers; and if the agent stands still between
// reading the clock and the kernel's call, and again right after the call and
// beyond the deadline, for as long as it stood still before the call.
//
// The set is looked up for each packet, before any state of a connection: when
// the gate closes, established flows stop too. With a tunnel no such state is
// made (docs/decisions/0006): what it carries may leave by one vSocket and come
// back by the other.
package gate

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Config names the interfaces. The tunnel's needn't be there yet, and may be made
// anew under its name; with one, nothing passes between LAN and WAN.
type Config struct {
	WAN, LAN, MGMT string
	Tunnel         string // where LAN traffic goes; "": to the WAN
	NAT            bool   // masquerade LAN traffic behind the WAN address; not with a tunnel
	Clock          func() time.Duration
}

// Gate is the table.
type Gate struct {
	cfg   Config
	conn  *nftables.Conn
	table *nftables.Table
	cloud string // the interface towards it: the tunnel's or the WAN
	serve opening
	drain opening
	down  opening
}

// opening is a set with at most one element, the interface that may pass.
type opening struct {
	set   *nftables.Set
	key   []byte
	until time.Duration // or closed, or unknown
}

// What an opening's until is when it is no deadline.
const (
	closed  time.Duration = 0
	unknown time.Duration = -1
)

const (
	// shortest is the shortest time-out that is asked for: a jiffy at 100 Hz, the
	// lowest rate that kernels are built with. Kernels before 6.12 round less than
	// a jiffy to zero, and zero is a time-out that never ends. What is left of a
	// shorter deadline is given up.
	shortest = 10 * time.Millisecond
	// worthwhile is the least extension that is worth a call.
	worthwhile = 2 * time.Millisecond
	// tolerated is how long a call may take without being made again: a jiffy at
	// 250 Hz, which the bound has counted already.
	tolerated = 4 * time.Millisecond
)

const tableName = "releve"

// Open makes the table anew, closed, which also closes what a former self has
// left open (R0), and turns forwarding on in the kernel.
func Open(cfg Config) (*Gate, error) {
	g := &Gate{cfg: cfg, cloud: cmp.Or(cfg.Tunnel, cfg.WAN)}
	for _, name := range [...]string{cfg.WAN, cfg.LAN} {
		if _, err := netlink.LinkByName(name); err != nil {
			return nil, fmt.Errorf("interface %q: %w\nhint: compare `interfaces` in the config with `ip link`", name, err)
		}
	}
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, refused(err)
	}
	g.conn = conn
	g.build()
	if err := conn.Flush(); err != nil {
		return nil, errors.Join(refused(err), conn.CloseLasting())
	}
	if err := forward(cfg); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func refused(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("nftables: %w\nhint: run as root or with CAP_NET_ADMIN", err)
	}
	return fmt.Errorf("nftables: %w\nhint: the kernel needs nf_tables, and nf_nat and nf_conntrack for `egress: nat`, nft_ct and nft_fib_ipv4 for `egress: tunnel`", err)
}

// build queues the table. Adding it before deleting it makes the deletion of
// one that isn't there no error.
func (g *Gate) build() {
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
	g.conn.AddTable(table)
	g.conn.DelTable(table)
	g.table = g.conn.AddTable(table)
	g.serve = g.newOpening("serve", g.cfg.LAN, true)
	g.drain = g.newOpening("drain", g.cfg.LAN, true)
	g.down = g.newOpening("down", g.cloud, false)
	drop := nftables.ChainPolicyDrop
	chain := g.conn.AddChain(&nftables.Chain{Name: "forward", Table: g.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &drop})
	back := g.pass(&g.down, g.cfg.LAN)
	switch {
	case g.cfg.Tunnel != "":
		g.untracked()
		g.clamp(chain)
	case g.cfg.NAT:
		back = append(established(), back...)
		g.masquerade()
	}
	g.rule(chain, g.pass(&g.serve, g.cloud)...)
	g.rule(chain, g.pass(&g.drain, g.cloud)...)
	g.rule(chain, back...)
}

func (g *Gate) newOpening(name, iface string, expires bool) opening {
	set := &nftables.Set{Table: g.table, Name: name, KeyType: nftables.TypeIFName, HasTimeout: expires}
	// Only a wrong set is an error here; a refusal comes with Flush.
	if err := g.conn.AddSet(set, nil); err != nil {
		panic("gate: " + err.Error())
	}
	return opening{set: set, key: nameKey(iface)}
}

func (g *Gate) rule(chain *nftables.Chain, exprs ...expr.Any) {
	g.conn.AddRule(&nftables.Rule{Table: g.table, Chain: chain, Exprs: exprs})
}

// pass: in by the opening's interface, while it is in the set, and out by the
// other one.
func (g *Gate) pass(o *opening, out string) []expr.Any {
	return append(is(expr.MetaKeyOIFNAME, out),
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		&expr.Lookup{SourceRegister: 1, SetName: o.set.Name, SetID: o.set.ID},
		&expr.Verdict{Kind: expr.VerdictAccept})
}

// is asks for an interface by its name, which outlives a tunnel's device.
func is(key expr.MetaKey, iface string) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: nameKey(iface)},
	}
}

// nameKey is a name as the kernel compares it: IFNAMSIZ bytes.
func nameKey(iface string) []byte {
	key := make([]byte, unix.IFNAMSIZ)
	copy(key, iface)
	return key
}

// Serve lets LAN traffic out until then; a time that has passed closes.
func (g *Gate) Serve(until time.Duration) error { return g.open(&g.serve, until) }

// Drain is the same for what still comes to a deposed active.
func (g *Gate) Drain(until time.Duration) error { return g.open(&g.drain, until) }

// Down lets traffic in towards the LAN, or not, without an end.
func (g *Gate) Down(open bool) error {
	g.conn.FlushSet(g.down.set)
	if open {
		if err := g.conn.SetAddElements(g.down.set, []nftables.SetElement{{Key: g.down.key}}); err != nil {
			return fmt.Errorf("gate: %w", err)
		}
	}
	return g.commit(&g.down)
}

// open renews an opening: what is there is taken out and put in again in one
// transaction, as adding alone doesn't renew a time-out. A time-out counts from
// when the kernel runs the call, so one that took long is made again with what
// is left by then.
func (g *Gate) open(o *opening, until time.Duration) error {
	now := g.cfg.Clock()
	for !o.covers(until, now) {
		left := (until - now).Truncate(time.Millisecond)
		if left < shortest {
			return g.shut(o)
		}
		g.conn.FlushSet(o.set)
		if err := g.conn.SetAddElements(o.set, []nftables.SetElement{{Key: o.key, Timeout: left}}); err != nil {
			return fmt.Errorf("gate: %w", err)
		}
		if err := g.commit(o); err != nil {
			return err
		}
		begun := now
		if now = g.cfg.Clock(); now-begun <= tolerated && now < until {
			o.until = until
		}
	}
	return nil
}

// covers reports whether the opening already ends when it should, or so little
// before it that a renewal isn't worth a call: copies of one answer come on two
// paths. It never says so of an opening that would last too long.
func (o *opening) covers(until, now time.Duration) bool {
	return o.until > now && o.until <= until && until-o.until < worthwhile
}

func (g *Gate) shut(o *opening) error {
	if o.until == closed {
		return nil
	}
	g.conn.FlushSet(o.set)
	if err := g.commit(o); err != nil {
		return err
	}
	o.until = closed
	return nil
}

// commit sends what is queued for an opening. Until its caller knows better,
// the opening's end is unknown: after an error the next call does its work
// instead of trusting memory.
func (g *Gate) commit(o *opening) error {
	o.until = unknown
	if err := g.conn.Flush(); err != nil {
		return fmt.Errorf("gate %s: %w", o.set.Name, err)
	}
	return nil
}

// Close leaves the table in place, so that a stopped vSocket forwards nothing.
func (g *Gate) Close() error {
	return errors.Join(g.Serve(0), g.Drain(0), g.Down(false), g.conn.CloseLasting())
}
