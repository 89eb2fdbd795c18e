package steer

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/slip"
)

// Paces of a change of the floating IP. It is nothing that anybody waits for.
const (
	changePace = 10 * time.Second // from one write to the next
	changeRest = time.Minute      // after a refusal
)

// Change is what the settings say of a change of the floating IP (R14). Both
// vSockets must hold it before the active is given it: who takes over in the
// middle moves what it knows of.
//
// The active, at rest, adds the new address beside the former one; from then on
// both move together. The former one goes once no route table names it as next
// hop. Whatever is seen on the NICs is where a change is: it can be left in the
// middle and gone on with by anybody.
type Change struct {
	Former []netip.Addr // the site's floating IPs before this one, as long as they may be in use
	Moved  bool         // a person's word: no route table names them any more
}

// change is how it goes.
type change struct {
	step    Step
	write   uint64 // the last one that was of a change
	next    time.Duration
	problem string
	wake    time.Duration // when the next decision is due
	since   time.Duration // when it was told: a standby believes no older read
}

// Step is where a change of the floating IP is.
type Step string

// The steps. Only an active that steers goes on with a change; a standby waits, and
// sees the end of it.
const (
	NoChange Step = ""
	Waits    Step = "waits"  // for its turn: not the active, or not at rest
	Adds     Step = "adds"   // the new address, beside the former one
	Routes   Step = "routes" // route tables still name the former one, or it isn't known that they don't
	Drops    Step = "drops"  // the former one
	Done     Step = "done"   // the former one is on no NIC: the settings may forget it
)

// Status is what people are told of a change.
type Status struct {
	Step    Step
	Former  []netip.Addr // those that are still on a NIC
	Entries []Entry      // what names one as next hop, as last read
	Unread  []string     // why it can't be told whether there are more
	Denied  []string     // why the entries aren't changed by this vSocket: a person has to
	Problem string       // why it doesn't go on, if that is Azure's word
}

// Status says how a change of the floating IP goes.
func (m *Machine) Status() Status {
	if len(m.fips) == 1 {
		return Status{}
	}
	s := Status{Step: Waits, Problem: m.change.problem}
	for _, addr := range m.fips[1:] {
		for _, t := range [...]Target{OwnNIC, PeerNIC} {
			if nic := m.res[t].nic; nic != nil && nic.Holds(addr) && !slices.Contains(s.Former, addr) {
				s.Former = append(s.Former, addr)
			}
		}
	}
	switch {
	case m.goal.Mode != ha.Hold && m.over():
		s.Step = Done
	case m.goal.Mode == ha.Hold && m.change.step != NoChange:
		s.Step = m.change.step
		m.routes.tell(&s)
	}
	return s
}

// over: reads of both NICs show the new floating IP, and none before it. It is how
// a standby learns that the active has finished.
func (m *Machine) over() bool {
	there := false
	for _, t := range [...]Target{OwnNIC, PeerNIC} {
		r := &m.res[t]
		if r.nic == nil || r.sentAt <= m.change.since || !r.nic.Settled() ||
			slices.ContainsFunc(m.fips[1:], func(addr netip.Addr) bool { return r.nic.Holds(addr) }) {
			return false
		}
		there = there || r.nic.Holds(m.cfg.FloatingIP)
	}
	return there
}

// Configure takes a change of the floating IP, or its end, while the machine
// runs. The end is told when Status says that it is done, or never: an address
// that is on a NIC and isn't named here is nobody's of ours.
func (m *Machine) Configure(now time.Duration, floatingIP netip.Addr, c Change) []Action {
	m.actions = m.actions[:0]
	m.cfg.FloatingIP, m.cfg.Change = floatingIP, c
	m.fips = m.cfg.addresses()
	m.seen = recall(m.kept, m.fips, m.cfg.SubnetID)
	m.moving = slices.DeleteFunc(m.moving, func(addr netip.Addr) bool { return !slices.Contains(m.fips, addr) })
	m.change, m.routes = change{wake: m.change.wake, since: now}, routes{}
	for _, t := range [...]Target{OwnNIC, PeerNIC} {
		m.reread(now, &m.res[t])
	}
	m.decide(now)
	return m.actions
}

// reread looks at what is known of a NIC with other floating IPs in mind.
func (m *Machine) reread(now time.Duration, r *resource) {
	if r.nic == nil {
		return
	}
	nic, err := ParseNIC(r.body, m.fips...)
	if err != nil {
		panic("steer: a NIC that was read can't be read again: " + err.Error())
	}
	if nic.HasFIP() {
		m.saw(now, r, nic)
	}
	r.nic, r.before = nic, nil
}

// addresses are the floating IP and the former ones.
func (c *Config) addresses() []netip.Addr {
	list := []netip.Addr{c.FloatingIP}
	for _, addr := range c.Change.Former {
		if !slices.Contains(list, addr) {
			list = append(list, addr)
		}
	}
	return list
}

// serving are the floating IPs that belong on the own NIC as long as it isn't
// at rest: those that are there, those that were taken off the peer's, and those
// that a route leads to. Where nothing is on either NIC those that were there last
// stand for what was taken off: the routes alone would leave out a former one that
// none leads to for less than it lingers. Where nothing is known it is all. A
// takeover puts on what it has taken off and nothing new: an address that Azure
// refuses would hold up the other.
func (m *Machine) serving(own *NIC) []netip.Addr {
	if len(m.fips) == 1 || slip.Is(slip.MovesOne) && !own.HasFIP() {
		return m.fips[:1]
	}
	last := len(m.moving) == 0 && !own.HasFIP()
	pick := func(in func(netip.Addr) bool) (list []netip.Addr) {
		for i, addr := range m.fips {
			if own.Holds(addr) || (i == 0 || !m.cfg.Change.Moved) && in(addr) {
				list = append(list, addr)
			}
		}
		return list
	}
	for _, in := range [...]func(netip.Addr) bool{
		func(addr netip.Addr) bool {
			return slices.Contains(m.moving, addr) || m.routes.lead(addr) || last && find(m.seen, addr) != nil
		},
		func(netip.Addr) bool { return true },
	} {
		if list := pick(in); len(list) > 0 {
			return list
		}
	}
	return m.fips[:1]
}

// lacking: something that belongs on the own NIC isn't there.
func (m *Machine) lacking(own *NIC) bool {
	return slices.ContainsFunc(m.serving(own), func(addr netip.Addr) bool { return !own.Holds(addr) })
}

// takes remembers what a write takes off the peer's NIC.
func (m *Machine) takes(peer *NIC) {
	m.moving = nil
	for _, f := range peer.Floating {
		m.moving = append(m.moving, f.Addr)
	}
}

// configs are the configurations of these addresses on the own NIC: as they are
// there, or as they were seen elsewhere, or fresh ones.
func (m *Machine) configs(own *NIC, addrs []netip.Addr) (list []Floating) {
	for _, addr := range addrs {
		if f := find(own.Floating, addr); f != nil {
			list = append(list, *f)
		} else if f := find(m.seen, addr); f != nil {
			list = append(list, *f)
		}
	}
	for _, addr := range addrs {
		if find(list, addr) == nil {
			name := own.freeName(m.cfg.ConfigName, addr, list)
			list = append(list, Floating{Addr: addr, Config: own.freshConfig(name, addr, m.cfg.SubnetID)})
		}
	}
	return list
}

// decideChange goes on with a change of the floating IP, one write at a time.
func (m *Machine) decideChange(now time.Duration, rest bool) {
	if len(m.fips) == 1 {
		return
	}
	own := m.res[OwnNIC].nic
	there := own.Holds(m.cfg.FloatingIP)
	left := slices.ContainsFunc(m.fips[1:], func(addr netip.Addr) bool { return own.Holds(addr) || m.routes.lead(addr) })
	if there && left && !m.cfg.Change.Moved {
		m.decideRoutes(now, rest)
	}
	if !rest {
		m.change.step = Waits
		return
	}
	m.moving = nil
	switch {
	case !there:
		m.step(Adds)
		m.write(now, append(slices.Clip(m.own()), m.cfg.FloatingIP), fmt.Sprintf("add %s beside what is there", m.cfg.FloatingIP))
	case !left:
		m.step(Done)
		m.routes = routes{}
		m.keep(m.carry(nil, own)) // a person who put the former one on the peer's NIC gave it to nobody
	case !m.cfg.Change.Moved && !m.routes.free() && !slip.Is(slip.FormerDropped):
		m.step(Routes)
	default:
		m.step(Drops)
		m.write(now, m.fips[:1], "take the former floating IP off")
	}
}

// own are the floating IPs on the own NIC.
func (m *Machine) own() (list []netip.Addr) {
	for _, f := range m.res[OwnNIC].nic.Floating {
		list = append(list, f.Addr)
	}
	return list
}

// write makes these the floating IPs on the own NIC, on a read that is recent.
func (m *Machine) write(now time.Duration, addrs []netip.Addr, why string) {
	r := &m.res[OwnNIC]
	switch {
	case r.write != 0:
	case now < m.change.next:
		m.change.wake = min(m.change.wake, m.change.next)
	case now-r.sentAt > fresh:
		r.nextGet = min(r.nextGet, now)
	default:
		m.put(OwnNIC, r.nic.Body(m.goal.Claim, m.configs(r.nic, addrs)), why)
		m.change.write, m.change.next = r.write, now+changePace
	}
}

// refused: a change waits; nothing else waits for it. It reports whether Azure's
// answer leaves it open what the NIC is now.
func (c *change) refused(now, wait time.Duration, response *Response) (unsure bool) {
	unsure = response.Status == 0 || response.Status == 412 || response.Status >= 500
	if !unsure && !busy(response) && response.Status != 429 {
		c.problem, wait = Explain(response), changeRest
	}
	c.next = now + max(wait, changePace)
	return unsure
}

func (m *Machine) step(step Step) {
	if m.change.step == step {
		return
	}
	m.change.step = step
	m.note("floating ip change", fmt.Sprintf("%s: %s, former %s", step, m.cfg.FloatingIP, names(m.fips[1:])))
}

func names(addrs []netip.Addr) string {
	text := ""
	for i, addr := range addrs {
		if i > 0 {
			text += ", "
		}
		text += addr.String()
	}
	return text
}

// tellGuest: the guest has what a NIC was seen to have. An address that is added to
// the own NIC counts once Azure has done so: IMDS is asked for all of them. If none
// is left meanwhile, as a tool has put the former one back in place of the new, the
// guest keeps what it has: asked for no address at all, IMDS would list what isn't
// here, and hold the gate open by that (R11).
func (m *Machine) tellGuest() {
	if len(m.fips) == 1 && len(m.guest) == 1 && m.guest[0] == m.cfg.FloatingIP {
		return
	}
	adding := m.goal.Mode == ha.Hold && m.moving == nil && m.res[OwnNIC].pending
	var list []netip.Addr
	for _, addr := range m.fips {
		if (len(m.seen) == 0 || find(m.seen, addr) != nil) && (!adding || slices.Contains(m.guest, addr)) {
			list = append(list, addr)
		}
	}
	if len(list) > 0 && !slices.Equal(list, m.guest) {
		m.guest = list
		m.do(Guest{slices.Clone(list)})
	}
}
