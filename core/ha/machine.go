package ha

import (
	"fmt"
	"math"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Machine is one vSocket's role machine.
type Machine struct {
	cfg   Config
	boot  site.BootID
	nonce uint64

	state   State
	known   bool // the state is valid, or the third has told the term
	role    site.Role
	started Time
	last    Time // of the last step
	seq     uint64
	sendAt  Time // of the next keepalive
	sureAt  Time // no silence is believed before: the own timer was late
	resumed Time // after a pause: older asks are void
	waking  bool // after a pause: IMDS alone doesn't open the gate

	fit     bool
	reason  keepalive.Reason
	stopped stopping

	peer  peer
	lease lease
	prom  Time // until when the peer has been promised that no claim is made

	azure    azure
	witness  registrar
	elect    elect
	move     move
	heir     bool // held the term before one that nobody holds: claims first
	claim    claim
	steered  steered
	hand     handover
	taking   taking
	failback failback
	change   change
	gate     gate

	solo bool // Master by itself until the pair has an active

	goal    Goal
	out     keepalive.Message
	actions []Action
}

// azure is what is known of ARM's register.
type azure struct {
	ok      bool
	problem string
	read    bool      // by this boot
	claimed site.Term // in the last read, settled or not
	since   Time      // when ok changed last
	doubt   Time      // until when an own claim may show that was given up
	refused refusal
}

// steered is what the steering has read of the floating IP in this term.
type steered struct {
	mine, done bool
	imds       bool // IMDS lists it here
	imdsRead   bool
	imdsAt     Time // when IMDS was asked last
	missedAt   Time // when it didn't list what ARM had shown
}

// New makes the machine of one boot. state is nil if none that is valid was
// kept. boot and nonce are random.
func New(cfg Config, boot site.BootID, nonce uint64, state *State, now Time) *Machine {
	m := &Machine{cfg: cfg, boot: boot, nonce: nonce, role: site.Mute, started: now, last: now, sendAt: now,
		reason: keepalive.Starting}
	if m.state.Lost = cfg.PoPs > 1; m.state.Lost {
		m.state.Visit = m.visit() // the peer may be at another PoP
	}
	if state != nil {
		m.state, m.known, m.role = *state, true, site.Standby
		if slip.Is(slip.ResumesFromDisk) && state.Granted.Holder == cfg.Side {
			m.role, m.state.Granted.Boot = site.Active, boot
		}
	}
	m.solo = cfg.FromSolo && !slip.Is(slip.SoloShuts)
	m.claim.deposedAt, m.claim.wait = now, deposedWait // one deposed in a former life waits anew: no clock outlives it
	m.azure.problem, m.witness.hurry = "not asked yet", true
	return m
}

// Start is the first step (R0): whatever a former self left open is closed, but
// for one that was no pair's.
func (m *Machine) Start(now Time) []Action {
	m.actions = m.actions[:0]
	m.startGates(now)
	m.usePoP()
	m.note("started", fmt.Sprintf("%s, boot %s, version %s, last known term %d", m.cfg.Side, m.boot, m.cfg.Version, m.state.Granted.Term))
	if m.solo {
		m.note("gate open", "as before, when this vSocket was Master by itself")
	}
	m.aim(Goal{Mode: Watch})
	return m.actions
}

// Step takes one event. The actions are valid until the next call.
func (m *Machine) Step(now Time, event Event) []Action {
	m.actions = m.actions[:0]
	tick, ticking := event.(Tick)
	m.watchClock(now, tick)
	switch e := event.(type) {
	case Heard:
		m.heard(now, e.Message)
	case Fitness:
		m.fitness(now, e)
	case Told:
		m.told(now, e.Reply)
	case Register:
		m.register(now, e)
	case Tag:
		m.learn(now, e.Claim, "the other NIC's tag")
	case AzureReach:
		m.azureReach(now, e)
	case Refused:
		m.azure.refuses(now, e)
	case Prepared:
		m.prepared(now)
	case ClaimSent:
		m.claim.sent = true
	case ClaimFailed:
		m.claimFailed(now, e)
	case Won:
		m.won(now, e)
	case Steered:
		m.steering(now, e)
	case Seen:
		m.seen(e)
	case Metadata:
		m.metadata(now, e)
	case PeerVM:
		m.peer.vmStopped = e.Stopped
	case Configure:
		m.configure(now, e.Config)
	case Stop:
		m.stop(now)
	}
	m.watchPeer(now)
	m.decide(now)
	m.applyGates(now)
	if ticking && now >= m.sendAt {
		m.sendAt = now + m.cfg.Keepalive
		m.say(now)
	}
	m.askWitness(now)
	return m.actions
}

// decide does what is due now, whatever the event was.
func (m *Machine) decide(now Time) {
	m.expire(now)
	m.decideAgreed(now)
	m.watchWitness(now)
	m.decideElect(now)
	m.decideMove(now)
	m.decideHandover(now)
	m.decideClaim(now)
	m.decideFailback(now)
	m.decideGoal(now)
	m.decideMetadata(now)
	m.decideStop(now)
}

// Next is when the machine wants its next Tick.
func (m *Machine) Next() Time {
	next := min(m.sendAt, m.nextQuestion())
	for _, at := range [...]Time{m.verdictAt(), m.unansweredAt(), m.gate.serve, m.gate.drain, m.electedAt()} {
		if at > m.last && at < next {
			next = at
		}
	}
	return next
}

// watchClock notices that this vSocket itself stood still (R2), and a timer
// that came late: neither may be blamed on the peer.
func (m *Machine) watchClock(now Time, tick Tick) {
	gap := now - m.last
	m.last = now
	if gap > m.cfg.pause()+m.cfg.Keepalive && !slip.Is(slip.PauseIgnored) {
		m.paused(now, fmt.Sprintf("own clock jumped %d ms", gap.Milliseconds()))
		return
	}
	if tick.Late > max(m.cfg.Silent/10, jitterFloor) {
		m.sureAt = max(m.sureAt, now+min(m.cfg.Silent/4, 2*m.cfg.Keepalive))
	}
}

// paused: leases and asks from before are void, and a silence counts anew.
func (m *Machine) paused(now Time, why string) {
	m.resumed, m.waking = now, true
	m.lease = lease{}
	m.peer.quietFrom(now)
	if m.witness.unsaid != 0 {
		m.witness.unsaid = now // the reply may be waiting for us
	}
	m.failback.since, m.failback.wants = 0, false // nobody knows how all was meanwhile
	if m.role == site.Active {
		m.become(site.Suspended, "paused: "+why)
	}
	if m.serving() && m.peer.silent {
		goal := m.goal
		goal.Shut = goal.Mode == Hold && m.role == site.Suspended
		m.aim(goal) // only the third can tell now: it is read at once
	}
	m.sendAt = now
	m.witness.hurry = true
}

// Where a term is learned from. Only the third ends a mute start (R0).
const (
	theRegister = "the register"
	theWitness  = "the witness"
	thePeer     = "the peer"
)

// isThird reports whether what was learned there is the third's own word.
func (m *Machine) isThird(how string) bool {
	if m.cfg.Third == keepalive.Witness {
		return how == theWitness
	}
	return how == theRegister
}

// learn is R1: a granted term above the own.
func (m *Machine) learn(now Time, granted site.Claim, how string) {
	if !m.known && m.isThird(how) {
		m.known = true
		m.do(Save{m.state}) // what the peer has said, the third has now confirmed
		m.become(site.Standby, "term learned from "+how)
	}
	if granted.Term < m.state.Granted.Term || granted.Term == m.state.Granted.Term && !m.forked(granted, how) {
		return
	}
	was := m.role
	old := m.state.Granted.Term
	m.state.Deposed = m.cfg.Third == keepalive.ARM && !slip.Is(slip.DeposedClaims) && m.deposedInSilence(now, granted, how)
	m.heir = granted.Holder == site.NoSide && (was == site.Active || was == site.Suspended)
	m.state.Granted = granted
	m.soloEnds(now, granted)
	if m.state.Deposed {
		m.claim.deposedAt = now
	}
	if m.known { // a mute one keeps nothing that the third hasn't told it
		m.do(Save{m.state})
	}
	m.yieldedTo(now, was)
	m.lease = lease{}
	m.claim.reset()
	m.hand, m.taking, m.elect = handover{}, taking{}, elect{}
	if m.cfg.Third == keepalive.Witness && (was == site.Active || was == site.Suspended) {
		m.hand.yielded = old // R1: the taker may wait for it
	}
	m.peer.newTerm()
	if m.cfg.Third == keepalive.Witness {
		m.sendAt, m.witness.hurry = now, true
	}
	m.steered = steered{imdsAt: m.steered.imdsAt, imds: m.steered.imds, imdsRead: m.steered.imdsRead}
	switch was {
	case site.Active, site.Suspended, site.Elect:
		m.azure.left(now)
		m.failback.lost(now)
		m.note("deposed", fmt.Sprintf("term %d is granted to the %s, by %s", granted.Term, granted.Holder, how))
		m.become(site.Standby, "")
	case site.Claiming:
		m.become(site.Standby, fmt.Sprintf("term %d is granted to the %s", granted.Term, granted.Holder))
	default:
		m.note("term", fmt.Sprintf("%d, granted to the %s, by %s", granted.Term, granted.Holder, how))
	}
}

// forked: the register names another holder of the own term. That takes a person
// who has put an old register back and a vSocket that has lost its state; then
// the register decides, as for every term.
func (m *Machine) forked(granted site.Claim, how string) bool {
	return m.isThird(how) && granted.Rivals(m.state.Granted)
}

// deposedInSilence: a claim of the peer's shows that it lives, though it isn't
// heard (ha-schedules.md 26): also one of which an active learns elsewhere
// before it has noticed any silence, as after a pause. One that follows our own
// yielding shows nothing: it may have been sent before the peer fell silent. Who is
// deposed already has not heard the peer since, and another claim of it changes nothing.
func (m *Machine) deposedInSilence(now Time, granted site.Claim, how string) bool {
	yielded := m.hand.yielded != 0 && m.hand.yielded == m.state.Granted.Term
	unheard := m.peer.gone(now) || m.serving() && how != thePeer
	return granted.Holder != m.cfg.Side && (unheard || m.state.Deposed) && !yielded
}

// seen keeps the floating IP's configuration. A mute one keeps it with the term.
func (m *Machine) seen(e Seen) {
	m.state.Floating = e.Config
	if m.known {
		m.do(Save{m.state})
	}
}

func (m *Machine) become(role site.Role, why string) {
	if m.role == role {
		return
	}
	m.role = role
	m.note(role.String(), why)
}

func (m *Machine) do(actions ...Action) { m.actions = append(m.actions, actions...) }

func (m *Machine) note(what, detail string) { m.do(Note{what, detail}) }

func (m *Machine) aim(goal Goal) {
	m.goal = goal
	m.do(Steer{goal})
}

const never = Time(math.MaxInt64)
