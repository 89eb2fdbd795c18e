package scenario

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// readdressing is a change of the floating IP by `releve azure ha set-fip`, while
// vm1's traffic runs.
type readdressing struct {
	to       netip.Addr
	began    time.Duration
	changes  []time.Duration // of Azure's network, meanwhile
	unserved []string        // what the traffic was led to, and wasn't on the primary
}

// readdress changes the floating IP, and keeps what was seen meanwhile.
func (s *stage) readdress(to netip.Addr) error {
	watch := &hopWatch{work: azuresite.PlaneID(s.w.Layout().NICID(azuresite.VM1, azuresite.Work)), serves: azuresite.PlaneID(s.w.Layout().LANNIC(site.Primary))}
	r := readdressing{to: to, began: clock.Now()}
	s.w.Note("another floating ip", to.String())
	s.w.ARM().OnPlane(watch.look)
	_, err := s.desk.Run(s.ctx, slices.Insert(ha("--yes"), 2, "set-fip", to.String())...)
	r.changes, r.unserved = watch.end()
	s.ev.readdressed = append(s.ev.readdressed, r)
	s.w.Note("floating ip changed", to.String()+" in "+(clock.Now()-r.began).Round(time.Millisecond).String())
	return err
}

// hopWatch looks at each state of Azure's network: does the primary have the address
// that vm1's traffic to the Internet is led to?
type hopWatch struct {
	work, serves string // NICs

	mu       sync.Mutex
	first    bool // it has looked
	over     bool
	changes  []time.Duration
	unserved []string
}

// look is called by the emulator, which waits for it.
func (h *hopWatch) look(p *plane.Plane) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return
	}
	if h.first {
		h.changes = append(h.changes, clock.Now())
	}
	h.first = true
	if hop := hopOf(nicOf(p, h.work)); !slices.Contains(nicOf(p, h.serves).Addrs, hop) {
		h.unserved = append(h.unserved, hop.String())
	}
}

func (h *hopWatch) end() (changes []time.Duration, unserved []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	return h.changes, h.unserved
}

// nicOf is a NIC of a state, its zero value if there is none.
func nicOf(p *plane.Plane, id string) plane.NIC {
	i := slices.IndexFunc(p.NICs, func(n plane.NIC) bool { return n.ID == id })
	if i < 0 {
		return plane.NIC{}
	}
	return p.NICs[i]
}

// hopOf is the appliance that a NIC's traffic to the Internet is led to.
func hopOf(n plane.NIC) netip.Addr {
	for _, r := range n.Routes { // the most specific first
		if r.Prefix.Contains(azuresite.InternetAddr) {
			return r.Via
		}
	}
	return netip.Addr{}
}

// playReaddressed is that of setting up, and then the floating IP is changed, twice:
// in the end it is the one that everything else is judged by.
func playReaddressed(s *stage) error {
	return steps(
		func() error { return playFailback(s) },
		func() error { return s.readdress(azuresite.FloatingIP.Next()) },
		func() error { return s.readdress(azuresite.FloatingIP) },
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
		func() error { return unchanged(s) },
	)
}

// near is how long after a change of Azure's network a lost packet is the change's.
const near = time.Second

func checkReaddressed(ev *evidence) []finding { return append(checkSetUp(ev), checkChanges(ev)...) }

// checkChanges: while the floating IP was changed there was no moment without one
// that is served, and no change of Azure's network cost a packet. What a busy machine
// loses at other moments is in the report, as in each scenario.
func checkChanges(ev *evidence) (list []finding) {
	if len(ev.readdressed) != 2 {
		return fail(ev.end(), "the floating IP was changed %d times, want twice", len(ev.readdressed))
	}
	for _, r := range ev.readdressed {
		if len(r.unserved) > 0 || len(r.changes) < 3 { // added, routes changed, removed
			list = append(list, fail(r.began, "while the floating IP became %s, Azure's network changed %d times, and led the traffic to addresses that nobody served: %v",
				r.to, len(r.changes), r.unserved)...)
		}
		for _, direction := range []probe.Direction{probe.Up, probe.Down} {
			for _, o := range ev.Outages[direction] {
				if slices.ContainsFunc(r.changes, func(at time.Duration) bool { return o.From >= at-carried && o.From <= at+near }) {
					list = append(list, fail(o.From, "%s: %d packets lost in %s, as the floating IP became %s", direction, o.Lost, o.Length.Round(time.Millisecond), r.to)...)
				}
			}
		}
	}
	return list
}
