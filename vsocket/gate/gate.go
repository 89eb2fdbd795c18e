// Package gate is the kernel's word on what a vSocket forwards (R9): an nftables
// table in which LAN-to-WAN passes only while a set has an element, and each
// element has a time-out. An agent that has stopped forwards nothing, without
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
// the gate closes, established flows stop too.
package gate

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Config names the interfaces.
type Config struct {
	WAN, LAN, MGMT string
	NAT            bool // masquerade LAN traffic behind the WAN address
	Clock          func() time.Duration
}

// Gate is the table.
type Gate struct {
	cfg   Config
	conn  *nftables.Conn
	table *nftables.Table
	lan   uint32 // ifindex
	wan   uint32
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
	g := &Gate{cfg: cfg}
	for name, index := range map[string]*uint32{cfg.WAN: &g.wan, cfg.LAN: &g.lan} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return nil, fmt.Errorf("interface %q: %w\nhint: compare `interfaces` in the config with `ip link`", name, err)
		}
		*index = uint32(link.Attrs().Index)
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
	return fmt.Errorf("nftables: %w\nhint: the kernel needs nf_tables, and nf_nat and nf_conntrack for `egress: nat`", err)
}

// build queues the table. Adding it before deleting it makes the deletion of
// one that isn't there no error.
func (g *Gate) build() {
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
	g.conn.AddTable(table)
	g.conn.DelTable(table)
	g.table = g.conn.AddTable(table)
	g.serve = g.newOpening("serve", g.lan, true)
	g.drain = g.newOpening("drain", g.lan, true)
	g.down = g.newOpening("down", g.wan, false)
	drop := nftables.ChainPolicyDrop
	chain := g.conn.AddChain(&nftables.Chain{Name: "forward", Table: g.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter, Policy: &drop})
	g.rule(chain, g.pass(&g.serve, g.wan)...)
	g.rule(chain, g.pass(&g.drain, g.wan)...)
	back := g.pass(&g.down, g.lan)
	if g.cfg.NAT {
		back = append(established(), back...)
	}
	g.rule(chain, back...)
	if g.cfg.NAT {
		g.masquerade()
	}
}

func (g *Gate) newOpening(name string, iface uint32, expires bool) opening {
	set := &nftables.Set{Table: g.table, Name: name, KeyType: nftables.TypeIFIndex, HasTimeout: expires}
	// Only a wrong set is an error here; a refusal comes with Flush.
	if err := g.conn.AddSet(set, nil); err != nil {
		panic("gate: " + err.Error())
	}
	return opening{set: set, key: binaryutil.NativeEndian.PutUint32(iface)}
}

func (g *Gate) rule(chain *nftables.Chain, exprs ...expr.Any) {
	g.conn.AddRule(&nftables.Rule{Table: g.table, Chain: chain, Exprs: exprs})
}

// pass: in by the opening's interface, while it is in the set, and out by the
// other one.
func (g *Gate) pass(o *opening, out uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyOIF, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(out)},
		&expr.Meta{Key: expr.MetaKeyIIF, Register: 1},
		&expr.Lookup{SourceRegister: 1, SetName: o.set.Name, SetID: o.set.ID},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}
}

// established: behind NAT nobody outside may begin.
func established() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED),
			Xor:  binaryutil.NativeEndian.PutUint32(0)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(0)},
	}
}

func (g *Gate) masquerade() {
	chain := g.conn.AddChain(&nftables.Chain{Name: "egress", Table: g.table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})
	g.rule(chain,
		&expr.Meta{Key: expr.MetaKeyOIF, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(g.wan)},
		&expr.Meta{Key: expr.MetaKeyIIF, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(g.lan)},
		&expr.Masq{})
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
