package fabric

import (
	"math"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/frame"
	"releve.dev/releve/lab/fabric/nsg"
)

// view is the picture that packets are judged by. It is immutable: a change of
// plane, ports or faults publishes another one.
type view struct {
	version uint64
	ends    []*end                 // by port.index
	public  map[frame.Addr]landing // by public address
	loss    uint64                 // of 2^32 packets
}

// landing is where a public address leads: to a NIC's private address, or, if
// that is 0, to a host on the Internet.
type landing struct {
	end     *end
	private frame.Addr
}

// end is a NIC or a public host as the view has it. A NIC that isn't attached
// has no port and gets nothing.
type end struct {
	port   *port
	known  bool // the plane has it; a public host always
	host   bool
	own    []frame.Addr
	public map[frame.Addr]frame.Addr // private to public

	forwarding bool
	in, out    nsg.Policy
	routes     []route
	net        map[frame.Addr]*end // of its VNet: who holds an address
	space      []nsg.Prefix        // of its VNet and subnet

	cutIn, cutOut bool
	down          bool
	paths         []path // by the index of the destination's port; nil: no faults
}

type route struct {
	prefix nsg.Prefix
	hop    plane.NextHop
	via    frame.Addr
}

// path is what faults do between two ports.
type path struct {
	cut     bool
	delayed bool // by delay; true also after a delay has ended, to keep the order
	delay   time.Duration
	udp     []uint16 // ports whose UDP is dropped
}

func (e *end) holds(a frame.Addr) bool {
	for _, own := range e.own {
		if own == a {
			return true
		}
	}
	return false
}

// inSpace reports whether the fabric answers ARP for a on this NIC.
func (e *end) inSpace(a frame.Addr) bool {
	for _, p := range e.space {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (e *end) path(to *end) *path {
	if e.paths == nil {
		return nil
	}
	return &e.paths[to.port.index]
}

func buildView(p *plane.Plane, ports []*port, fl *faults) *view {
	v := &view{
		version: p.Version,
		ends:    make([]*end, len(ports)),
		public:  make(map[frame.Addr]landing),
		loss:    uint64(fl.loss * (math.MaxUint32 + 1)),
	}
	attached := make(map[string]*port)
	for _, port := range ports {
		if port != nil {
			attached[port.name] = port
			v.ends[port.index] = &end{port: port} // until it is known better
		}
	}
	nets := make(map[string]map[frame.Addr]*end)
	for i := range p.NICs {
		nic := &p.NICs[i]
		e := nicEnd(nic, attached[strings.ToLower(nic.ID)])
		e.net = nets[nic.VNet]
		if e.net == nil {
			e.net = make(map[frame.Addr]*end)
			nets[nic.VNet] = e.net
		}
		v.place(e)
	}
	for _, port := range ports {
		if port != nil && port.public.IsValid() {
			v.placeHost(port)
		}
	}
	v.compileFaults(p, fl)
	return v
}

func nicEnd(nic *plane.NIC, port *port) *end {
	e := &end{
		port: port, known: true,
		public:     make(map[frame.Addr]frame.Addr, len(nic.Public)),
		forwarding: nic.Forwarding,
		in:         nsg.Compile(nic.Inbound),
		out:        nsg.Compile(nic.Outbound),
	}
	for _, a := range nic.Addrs {
		e.own = append(e.own, frame.FromNetip(a))
	}
	for private, public := range nic.Public {
		e.public[frame.FromNetip(private)] = frame.FromNetip(public)
	}
	for _, r := range nic.Routes {
		if prefix, ok := nsg.PrefixFrom(r.Prefix); ok {
			e.routes = append(e.routes, route{prefix: prefix, hop: r.Hop, via: frame.FromNetip(r.Via)})
		}
	}
	for _, s := range nic.VNetSpace {
		if prefix, ok := nsg.PrefixFrom(s); ok {
			e.space = append(e.space, prefix)
		}
	}
	if prefix, ok := nsg.PrefixFrom(nic.Subnet); ok {
		e.space = append(e.space, prefix)
	}
	return e
}

// place makes the addresses of a NIC lead to it. Of two NICs that claim one
// address, which a plane should never show, the first one has it.
func (v *view) place(e *end) {
	if e.port != nil {
		v.ends[e.port.index] = e
	}
	for _, a := range e.own {
		if e.net[a] == nil {
			e.net[a] = e
		}
	}
	for private, public := range e.public {
		if _, taken := v.public[public]; !taken && e.holds(private) {
			v.public[public] = landing{end: e, private: private}
		}
	}
}

func (v *view) placeHost(p *port) {
	addr := frame.FromNetip(p.public)
	e := &end{port: p, known: true, host: true, own: []frame.Addr{addr}}
	v.ends[p.index] = e
	v.public[addr] = landing{end: e}
}
