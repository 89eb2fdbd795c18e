package steer

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
)

// Paces of reading and writing. ARM's read bucket refills at 25 a second for a
// whole subscription (azure.md section 2), so ours stay well below.
const (
	readTimeout  = 3 * time.Second
	writeTimeout = 5 * time.Second
	hedgeAfter   = time.Second // an unanswered read is asked again on a fresh connection
	hedges       = 3           // so many at once
	fresh        = 3 * time.Second
	prepareFresh = 500 * time.Millisecond // a suspicion flaps; ARM isn't asked each time
	watchPace    = 2 * time.Second        // R11: the register, while the peer is silent
	restPace     = 60 * time.Second       // at rest
	checkPace    = 10 * time.Second       // an active's reads in the first minutes
	checkFor     = 5 * time.Minute
	lostPace     = time.Second // while ARM doesn't answer
	pollFirst    = 20 * time.Millisecond
	pollMax      = 150 * time.Millisecond
	retryFirst   = time.Second
	retryMax     = 10 * time.Second
	busyRetry    = time.Second // Azure is still busy with another change
	conflicts    = 5           // so often another's write is met at once; then somebody writes on and on
	throttleRest = 5 * time.Second
	keepFirst    = time.Millisecond // a configuration is kept before it is taken off
	vmPace       = 10 * time.Second
)

// Config says where the floating IP lives.
type Config struct {
	Side       site.Side // the register is the primary's NIC
	FloatingIP netip.Addr
	ConfigName string // of a fresh ipconfig
	SubnetID   string // the LAN subnet's resource id
	PeerVM     bool   // the peer's VM may be read
	Known      string // the floating IPs' configurations as a former boot was told them (ha.Seen)
	Change     Change
	Tables     []string // resource ids of route tables that name the floating IP, besides those of the LAN's virtual network
}

// Action is what the machine wants done.
type Action interface{ action() }

// Call makes one request to ARM.
type Call struct{ Request Request }

// Tell hands an event to the role machine.
type Tell struct{ Event ha.Event }

// Note is a line of the timeline.
type Note struct{ What, Detail string }

// Guest says which addresses the guest has while this vSocket serves, and IMDS
// lists, from now on.
type Guest struct{ Addresses []netip.Addr }

func (Call) action()  {}
func (Tell) action()  {}
func (Note) action()  {}
func (Guest) action() {}

// Machine is the reconciler: ARM's answers in, the next conditional calls out.
type Machine struct {
	cfg      Config
	goal     ha.Goal
	progress progress
	wonAt    time.Duration // when the read was sent that showed the last claim as won
	res      [PeerVM + 1]resource
	nextID   uint64
	resting  time.Duration // throttled: nothing is sent before
	problem  string        // why the third can't be used, "" if it can
	asked    bool          // the problem, or its absence, has been told
	fips     []netip.Addr  // the floating IP, and the former ones
	seen     []Floating    // where a read showed some of them last, fit for another NIC
	kept     string        // as last told, to be kept
	guest    []netip.Addr  // as last told
	moving   []netip.Addr  // taken off the peer's NIC, and to be put on the own one
	change   change
	routes   routes
	actions  []Action
}

// progress is how far the present goal has got.
type progress struct {
	since    time.Duration
	prepared bool // told
	sent     bool // the claim's write is or was under way
	won      bool // told
	done     bool
	doneAt   time.Duration
	told     *ha.Steered
	doubted  time.Duration // when the role machine last asked for a new look: older reads tell nothing
}

// resource is what is known of one of the targets.
type resource struct {
	nic      *NIC
	body     []byte        // that nic was parsed from
	sentAt   time.Duration // when the read of nic was sent
	reads    []asked       // in flight
	write    uint64        // the one in flight, 0 for none
	answered time.Duration // when the last write was answered
	nextGet  time.Duration
	nextPut  time.Duration // 0: at once
	backoff  time.Duration
	conflict int  // refusals in a row because of another ETag
	unread   bool // the last read that was answered said nothing
	dirty    bool // a write's outcome isn't known
	pending  bool // a write was accepted and isn't settled
	unsure   bool // no answer has come to a write: a read may show that it was accepted
	before   *NIC // what our write rests on

	writes    site.Term     // the term that our write puts into the tag
	wrote     site.Term     // that of the last accepted one
	wroteAt   time.Duration // when it was accepted
	base      string        // ETag that our write rests on
	replaced  [8]string     // those of the last accepted ones: they can't come back
	replacing int
	refused   string // last refusal, told once
	balks     bool   // the role machine was told that Azure refuses
}

// asked is a read that is in flight.
type asked struct {
	id uint64
	at time.Duration
}

// New makes a machine at rest.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg, fips: cfg.addresses(), guest: []netip.Addr{cfg.FloatingIP}}
	if m.seen = recall(cfg.Known, m.fips, cfg.SubnetID); len(m.seen) > 0 {
		m.kept = remember(m.seen)
	}
	return m
}

// registerTarget is where the claim is: the primary's LAN NIC.
func (m *Machine) registerTarget() Target {
	if m.cfg.Side == site.Primary || slip.Is(slip.OwnRegister) {
		return OwnNIC
	}
	return PeerNIC
}

// SetGoal replaces the goal. The same goal again, or one that differs in what may
// be written alone, means: read now, and tell again how it is.
func (m *Machine) SetGoal(now time.Duration, goal ha.Goal) []Action {
	m.actions = m.actions[:0]
	same := m.goal
	same.Shut = goal.Shut
	again := goal == same
	if goal.Claim != m.goal.Claim {
		m.moving, m.routes = nil, routes{}
		m.res[OwnNIC].balks, m.res[PeerNIC].balks = false, false // of another term
	}
	if goal.Mode != m.goal.Mode || goal.Claim != m.goal.Claim || goal.Mode == ha.Prepare {
		m.progress = progress{since: now}
	}
	if goal.Mode == ha.Hold && m.goal.Mode != ha.Claim && goal.Claim != m.goal.Claim {
		m.wonAt = now // the witness has granted it: nothing read before counts
	}
	if again && goal.Mode == ha.Hold {
		m.progress.told, m.progress.doubted = nil, now
	}
	m.goal = goal
	for _, t := range m.wanted() {
		if r := &m.res[t]; again || now-r.sentAt >= m.tolerated(t) {
			r.nextGet = now
		}
	}
	m.decide(now)
	return m.actions
}

// tolerated is how old a read may be for a goal just set.
func (m *Machine) tolerated(t Target) time.Duration {
	switch {
	case m.goal.Mode == ha.Rest:
		return restPace
	case m.goal.Mode == ha.Prepare:
		return prepareFresh
	case m.goal.Mode == ha.Hold && t != m.registerTarget():
		return checkPace
	}
	return watchPace
}

// Tick lets time pass.
func (m *Machine) Tick(now time.Duration) []Action {
	m.actions = m.actions[:0]
	m.decide(now)
	return m.actions
}

// Next is when the machine wants its next Tick.
func (m *Machine) Next() time.Duration {
	next := m.change.wake
	for _, t := range m.wanted() {
		r := &m.res[t]
		if r.nextPut > 0 {
			next = min(next, r.nextPut)
		}
		if r.write == 0 && len(r.reads) < hedges {
			next = min(next, r.dueAt())
		}
	}
	return max(next, m.resting)
}

// dueAt is when the next read may go out.
func (r *resource) dueAt() time.Duration {
	if len(r.reads) == 0 {
		return r.nextGet
	}
	return max(r.nextGet, r.lastRead()+hedgeAfter)
}

// Problem says why the third can't be used, or "".
func (m *Machine) Problem() string { return m.problem }

// Where says on which NIC the floating IP was seen last.
func (m *Machine) Where() string {
	own, peer := m.res[OwnNIC].nic, m.res[PeerNIC].nic
	switch {
	case own == nil && peer == nil:
		return "unknown"
	case own != nil && own.HasFIP() && peer != nil && peer.HasFIP():
		return "both"
	case own != nil && own.HasFIP():
		return "own"
	case peer != nil && peer.HasFIP():
		return "peer"
	case own == nil || peer == nil:
		return "unknown"
	}
	return "none"
}

func (m *Machine) wanted() []Target {
	register := [1]Target{m.registerTarget()}
	switch m.goal.Mode {
	case ha.Prepare, ha.Hold:
		return []Target{OwnNIC, PeerNIC}
	case ha.Rest:
		if len(m.fips) > 1 { // a standby sees the end of a change too, whichever has the register
			return []Target{OwnNIC, PeerNIC}
		}
	case ha.Watch:
		if m.cfg.PeerVM {
			return []Target{register[0], PeerVM}
		}
	}
	return register[:]
}

func (m *Machine) decide(now time.Duration) {
	m.change.wake = math.MaxInt64
	if now < m.resting {
		return
	}
	for i := range m.res {
		if r := &m.res[i]; now >= r.nextPut {
			r.nextPut = 0
		}
	}
	switch m.goal.Mode {
	case ha.Prepare:
		m.decidePrepare()
	case ha.Claim:
		m.decideClaim(now)
	case ha.Hold:
		m.decideHold(now)
	default:
		if slip.Is(slip.StandbyAdds) && m.res[OwnNIC].nic != nil {
			m.decideChange(now, true)
		}
	}
	m.tellGuest()
	for _, t := range m.wanted() {
		m.read(now, t)
	}
}

// read asks for a resource if it is due, and again if the last question hangs.
func (m *Machine) read(now time.Duration, t Target) {
	r := &m.res[t]
	if r.write != 0 || len(r.reads) >= hedges || now < r.dueAt() {
		return
	}
	m.nextID++
	r.reads = append(r.reads, asked{m.nextID, now})
	m.do(Call{Request{ID: m.nextID, Op: Get, Target: t, Timeout: readTimeout, Why: m.goal.Mode.String()}})
}

func (r *resource) lastRead() time.Duration { return r.reads[len(r.reads)-1].at }

// put writes a resource, on the ETag of the read that the decision rests on.
func (m *Machine) put(t Target, body []byte, why string) {
	r := &m.res[t]
	m.nextID++
	r.write, r.before, r.base, r.writes = m.nextID, r.nic, r.nic.ETag, m.goal.Claim.Term
	ifMatch := r.nic.ETag
	if slip.Is(slip.NoIfMatch) {
		ifMatch = "*"
	}
	m.note("arm write", fmt.Sprintf("%s: %s", t, why))
	m.do(Call{Request{ID: m.nextID, Op: Put, Target: t, Body: body, IfMatch: ifMatch, Timeout: writeTimeout, Why: why}})
}

func (m *Machine) do(actions ...Action) { m.actions = append(m.actions, actions...) }

func (m *Machine) note(what, detail string) { m.do(Note{what, detail}) }

func (m *Machine) tell(event ha.Event) { m.do(Tell{event}) }
