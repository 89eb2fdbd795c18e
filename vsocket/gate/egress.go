package gate

import (
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

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
	g.rule(chain, append(append(is(expr.MetaKeyOIFNAME, g.cfg.WAN), is(expr.MetaKeyIIFNAME, g.cfg.LAN)...), &expr.Masq{})...)
}

// untracked keeps transit traffic away from connection tracking, which somebody
// else's table may have turned on. What is for the vSocket itself isn't ours to
// decide: it may be that table's.
func (g *Gate) untracked() {
	chain := g.conn.AddChain(&nftables.Chain{Name: "untracked", Table: g.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw})
	for _, iface := range [...]string{g.cfg.LAN, g.cfg.Tunnel} {
		g.rule(chain, append(is(expr.MetaKeyIIFNAME, iface),
			&expr.Fib{Register: 1, ResultADDRTYPE: true, FlagDADDR: true},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
			&expr.Notrack{}, &expr.Verdict{Kind: expr.VerdictAccept})...)
	}
}

// segment is the longest TCP segment that crosses a tunnel with an MTU of 1420.
const segment = 1420 - 40

// clamp lowers the segments that TCP's ends allow each other, so that none has to
// learn the tunnel's MTU from ICMP, which many a network drops. The kernel never
// raises the option. All but the packets that open a connection pass by it with
// one look at them.
func (g *Gate) clamp(forward *nftables.Chain) {
	const (
		flags  = 13   // offset in a TCP header
		syn    = 0x02 // RFC 9293 section 3.1
		option = 2    // maximum segment size; RFC 9293 section 3.2
	)
	chain := g.conn.AddChain(&nftables.Chain{Name: "clamp", Table: g.table})
	for _, way := range [...]expr.MetaKey{expr.MetaKeyOIFNAME, expr.MetaKeyIIFNAME} {
		g.rule(chain, append(is(way, g.cfg.Tunnel),
			&expr.Immediate{Register: 1, Data: binaryutil.BigEndian.PutUint16(segment)},
			&expr.Exthdr{SourceRegister: 1, Type: option, Offset: 2, Len: 2, Op: expr.ExthdrOpTcpopt})...)
	}
	g.rule(forward,
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: flags, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{syn}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{syn}},
		&expr.Verdict{Kind: expr.VerdictJump, Chain: chain.Name})
}
