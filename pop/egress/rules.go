package egress

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"releve.dev/releve/site"
)

// build queues the table. Adding it before deleting it makes the deletion of one
// that isn't there no error.
func (e *Egress) build() {
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
	e.conn.AddTable(table)
	e.conn.DelTable(table)
	e.table = e.conn.AddTable(table)
	for _, name := range counters {
		e.conn.AddObj(&nftables.CounterObj{Table: e.table, Name: name})
	}
	e.devices = e.set("devices", nftables.TypeIFName, e.cfg.Primary, e.cfg.Secondary)
	e.ways = e.set("ways", nftables.TypeIFName, e.cfg.Primary, e.cfg.Secondary, e.cfg.Uplink)
	e.up = map[site.Side]*nftables.Set{
		site.Primary:   e.set("up_p", nftables.TypeIPAddr),
		site.Secondary: e.set("up_s", nftables.TypeIPAddr),
	}
	e.forward()
	e.input()
	e.masquerade()
}

// set makes one of interfaces, or an empty one of ranges.
func (e *Egress) set(name string, of nftables.SetDatatype, interfaces ...string) *nftables.Set {
	set := &nftables.Set{Table: e.table, Name: name, KeyType: of}
	if of == nftables.TypeIPAddr {
		set.Interval, set.KeyByteOrder = true, binaryutil.BigEndian
	}
	var elements []nftables.SetElement
	for _, i := range interfaces {
		elements = append(elements, nftables.SetElement{Key: ifname(i)})
	}
	// Only a wrong set is an error here; a refusal comes with Flush.
	if err := e.conn.AddSet(set, elements); err != nil {
		panic("egress: " + err.Error())
	}
	return set
}

func (e *Egress) hook(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority) *nftables.Chain {
	return e.conn.AddChain(&nftables.Chain{Name: name, Table: e.table, Type: kind, Hooknum: hook, Priority: priority})
}

func (e *Egress) rule(chain *nftables.Chain, parts ...[]expr.Any) {
	rule := &nftables.Rule{Table: e.table, Chain: chain}
	for _, p := range parts {
		rule.Exprs = append(rule.Exprs, p...)
	}
	e.conn.AddRule(rule)
}

// forward leaves to others what has nothing to do with the tunnels.
func (e *Egress) forward() {
	up := e.conn.AddChain(&nftables.Chain{Name: "up", Table: e.table})
	down := e.conn.AddChain(&nftables.Chain{Name: "down", Table: e.table})
	chain := e.hook("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter)
	e.rule(chain, in(e.devices), clampMSS())
	e.rule(chain, out(e.devices), clampMSS())
	e.rule(chain, in(e.devices), jump(up))
	e.rule(chain, out(e.devices), jump(down))

	e.rule(up, destination(site.Overlay), drop(misdirected))
	e.rule(up, not(out(e.ways)), drop(misdirected))
	e.rule(up, inBy(e.cfg.Primary), source(e.up[site.Primary]), verdict(expr.VerdictAccept))
	e.rule(up, inBy(e.cfg.Secondary), source(e.up[site.Secondary]), verdict(expr.VerdictAccept))
	e.rule(up, inBy(e.cfg.Primary), drop(fencedPrimary))
	e.rule(up, drop(fencedSecondary))

	e.rule(down, established(), verdict(expr.VerdictAccept))
	e.rule(down, drop(unsolicited))
}

// input lets nobody from a tunnel near the PoP itself, but to its witness, which
// nobody else reaches.
func (e *Egress) input() {
	inside := e.conn.AddChain(&nftables.Chain{Name: "inside", Table: e.table})
	chain := e.hook("input", nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter)
	witness := destination(netip.PrefixFrom(e.cfg.Witness.Addr(), 32))
	e.rule(chain, in(e.devices), jump(inside))
	e.rule(chain, not(inBy("lo")), witness, drop(refused))

	e.rule(inside, protocol(unix.IPPROTO_ICMP), verdict(expr.VerdictAccept))
	e.rule(inside, witness, protocol(unix.IPPROTO_UDP), port(e.cfg.Witness.Port()), verdict(expr.VerdictAccept))
	e.rule(inside, drop(refused))
}

func (e *Egress) masquerade() {
	chain := e.hook("egress", nftables.ChainTypeNAT, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource)
	e.rule(chain, in(e.devices), outBy(e.cfg.Uplink), []expr.Any{&expr.Masq{}})
}

// ifname is a name as the kernel compares it: 16 bytes, zeros behind.
func ifname(name string) []byte {
	padded := make([]byte, 16)
	copy(padded, name)
	return padded
}

func lookup(set *nftables.Set) expr.Any {
	return &expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID}
}

func equal(data []byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data} }

func in(set *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, lookup(set)}
}

func out(set *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, lookup(set)}
}

func inBy(name string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, equal(ifname(name))}
}

func outBy(name string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1}, equal(ifname(name))}
}

// not turns the last comparison of a match round.
func not(match []expr.Any) []expr.Any {
	switch last := match[len(match)-1].(type) {
	case *expr.Lookup:
		last.Invert = true
	case *expr.Cmp:
		last.Op = expr.CmpOpNeq
	}
	return match
}

// The offsets are those of RFC 791, section 3.1, and RFC 768.
func source(set *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4}, lookup(set)}
}

func destination(r netip.Prefix) []expr.Any {
	mask := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), r.Bits()).Masked().Addr()
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask.AsSlice(), Xor: make([]byte, 4)},
		equal(r.Masked().Addr().AsSlice()),
	}
}

func protocol(number byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equal([]byte{number})}
}

func port(number uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		equal(binaryutil.BigEndian.PutUint16(number)),
	}
}

func established() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// clampMSS lowers the segment size that a SYN offers to what fits both ways, as
// the tunnels' is smaller than hosts think (RFC 9293, section 3.7.1).
func clampMSS() []expr.Any {
	const (
		flags   = 13 // offset in the header
		syn     = 0x02
		maximum = 2 // the option's kind; its value follows kind and length
	)
	return append(protocol(unix.IPPROTO_TCP),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: flags, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{syn}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0}},
		&expr.Rt{Register: 1, Key: expr.RtTCPMSS},
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 2, Size: 2},
		&expr.Exthdr{SourceRegister: 1, Type: maximum, Offset: 2, Len: 2, Op: expr.ExthdrOpTcpopt},
	)
}

func jump(chain *nftables.Chain) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain.Name}}
}

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }

// drop counts what it drops.
func drop(counter string) []expr.Any {
	return []expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: counter}, &expr.Verdict{Kind: expr.VerdictDrop}}
}
