package ha

import (
	"fmt"
	"time"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// registrar is what is known of the witness, where it is the third.
type registrar struct {
	run    uint64 // its life that is believed
	nonce  uint64 // that it wants to see of a next boot of ours
	seq    uint64 // of its last reply
	at     Time   // when that came
	heard  uint64 // our last question that it had heard then
	before uint64 // questions that were asked before this life was met
	sent   Time   // when that was sent
	trip   Time   // from the last question to its reply; 0: none yet
	sample sample

	asked   uint64 // questions so far
	askedAt Time   // when the last was sent
	hurry   bool   // the next is due now
	unsaid  Time   // when the first question was sent that no reply has heard; 0: none
	ok      bool   // within reach
	since   Time   // when ok changed last
	met     Time   // when this life was met
	retried Time   // when the peer reached it again and this side didn't; 0: never
	state   wire.State
	other   wire.View
	idle    Time // since when it says that nobody is active
	awaited int  // questions asked at once since it waits to hear both
	out     wire.Question
}

// sample measures the tunnel by the last questions.
type sample struct {
	asked, told int
	loss        int // of the sample before
	known       bool
}

// sampleSize is five seconds of an active's questions at the default pace, and
// makes the loss per cent.
const sampleSize = 100

func (s *sample) ask() {
	if s.asked == sampleSize {
		*s = sample{loss: max(0, sampleSize-s.told), known: true}
	}
	s.asked++
}

// mostAwaited: a witness that waits to hear both (R10) is asked at once when it has
// heard the other, but for so often only: a PoP that has lost its records has all
// its sites waiting.
const mostAwaited = 3

// elect is the taker of a handover until it may serve (R8.4).
type elect struct {
	from  site.Claim // the term before
	at    Time       // when the grant came
	lease Time       // the longest that the giver may count
}

// thirdOK and thirdProblem: can a term be born?
func (m *Machine) thirdOK() bool {
	if m.cfg.Third == keepalive.Witness {
		return m.witness.ok && m.witness.state != wire.Blank
	}
	return m.azure.ok
}

func (m *Machine) thirdProblem() string {
	if m.cfg.Third == keepalive.Witness {
		return m.ownReach()
	}
	return "Azure: " + m.azure.problem
}

// askWitness sends a question when one is due. An active asks for its lease each
// interval; who needs nothing says hello.
func (m *Machine) askWitness(now Time) {
	w := &m.witness
	if now < m.nextQuestion() {
		return
	}
	w.asked, w.askedAt, w.hurry = w.asked+1, now, false
	w.sample.ask()
	if w.unsaid == 0 {
		w.unsaid = now
	}
	q := &w.out
	*q = wire.Question{
		Site: m.cfg.WitnessID, From: m.cfg.Side, Boot: m.boot, Seq: w.asked, Sent: now, Nonce: w.nonce, Run: w.run, Heard: w.seq,
		Granted: m.state.Granted, Role: m.role, Fit: m.fit, Reason: m.reason, Leased: m.gate.serve > now, AzureOK: m.azure.ok,
		Version: m.cfg.Version, Yielded: m.hand.yielded, Transfer: m.hand.transfer,
		Visit: m.state.Visit,
	}
	if w.seq != 0 {
		q.Age = now - w.at
	}
	switch m.role {
	case site.Active, site.Suspended, site.Elect:
		q.Ask = wire.Ask{Term: m.state.Granted.Term, Lease: m.cfg.Lease}
	case site.Claiming:
		q.Claim = wire.Claim{From: m.state.Granted.Term, Nonce: m.claim.nonce, Generation: m.cfg.Generation, Lease: m.cfg.Lease, Yielded: m.peerYielded()}
	}
	m.do(Question{q})
}

// questionPace is how long to wait between two questions. A PoP that is back
// after a while has all its sites asking: who has had no answer for long asks less
// often, so that it isn't drowned (docs/benchmarks.md, 2,000 sites).
func (m *Machine) questionPace() time.Duration {
	if w := &m.witness; w.unsaid != 0 && m.last >= w.unsaid+longGone && !m.retries() {
		return max(m.neededPace(), gonePace)
	}
	return m.neededPace()
}

// neededPace: a claim waits for the end of a promise, and nobody tells when that
// is.
func (m *Machine) neededPace() time.Duration {
	switch {
	case m.role == site.Claiming, m.role == site.Standby && m.peer.silent && m.last < m.lastTwoWay()+LeaseMax:
		return max(m.cfg.Keepalive/4, jitterFloor)
	case m.role != site.Standby && m.role != site.Mute, m.peer.suspect, m.peer.here() && !m.peer.msg.ThirdOK, m.taking.prepare != 0, m.witness.unsaid != 0,
		m.hand.yielded != 0 && m.hand.yielded == m.state.Granted.Term:
		return m.cfg.Keepalive
	}
	return helloPace
}

// lastTwoWay is from when a silence counts.
func (m *Machine) lastTwoWay() Time {
	if m.peer.twoWay == 0 {
		return m.started
	}
	return m.peer.twoWay
}

func (m *Machine) nextQuestion() Time {
	if m.cfg.Third != keepalive.Witness {
		return never
	}
	if m.witness.hurry {
		return m.last
	}
	return m.witness.askedAt + m.questionPace()
}

// Believable reports whether a reply is for this boot and newer than what was
// told before. Another life than the present one is believed if it has heard a
// question that was asked since that one was met: no former life has.
func (m *Machine) Believable(r *wire.Reply) bool {
	w := &m.witness
	fresh := r.Run == w.run && r.Seq > w.seq || r.Run != w.run && r.Heard > max(w.heard, w.before)
	return fresh && m.cfg.Third == keepalive.Witness && r.Site == m.cfg.WitnessID && r.To == m.cfg.Side && r.Boot == m.boot
}

// told is the only way in for what the witness says.
func (m *Machine) told(now Time, r *wire.Reply) {
	if !m.Believable(r) {
		return
	}
	m.newLife(now, r.Run)
	w := &m.witness
	if r.State == wire.Blank && r.Other.Seq != w.other.Seq && w.awaited < mostAwaited {
		w.awaited, w.hurry = w.awaited+1, true
	}
	w.seq, w.at, w.nonce, w.state, w.other = r.Seq, now, r.Nonce, r.State, r.Other
	if r.Heard > w.heard {

		w.sample.told++
		w.heard, w.sent, w.trip = r.Heard, r.Sent, now-r.Sent
		if w.unsaid = 0; r.Heard < w.asked {
			w.unsaid = r.Sent
		}
	}
	if r.State == wire.Blank {
		if m.role == site.Claiming {
			m.dropTo("the witness waits to hear both vSockets")
		}
		return
	}
	m.hearRecord(now, r)
	m.hearLease(r)
	m.resume(now)
}

// hearLease is R5 for the witness's answer.
func (m *Machine) hearLease(r *wire.Reply) {
	if r.Answer != 0 && r.Answer == m.state.Granted.Term && r.Sent >= max(m.resumed, m.change.asked) {
		m.lease.third = max(m.lease.third, r.Sent+m.cfg.counted())
		m.waking = false
	}
}

// newLife: the witness has another one than the one that was believed.
func (m *Machine) newLife(now Time, run uint64) {
	w := &m.witness
	if run == w.run {
		return
	}
	if w.run != 0 {
		m.note("witness restarted", "")
		if m.role == site.Claiming {
			m.dropTo("the witness has restarted") // R10: it may be without a record
		}
	}
	w.run, w.met, w.before, w.hurry, w.awaited = run, now, w.asked, true, 0
}

// hearRecord is R1 for what the witness says, and the grant of R6 and R8.
func (m *Machine) hearRecord(now Time, r *wire.Reply) {
	record := r.Record
	mine := record.Holder == m.cfg.Side && record.Boot == m.boot && record.Term > m.state.Granted.Term
	switch {
	case mine && m.role == site.Claiming && r.Grant == m.claim.nonce:
		m.take(now, record)
		m.hearLease(r)
		m.serve(now)
	case mine && (m.role == site.Standby || m.role == site.Claiming):
		m.elected(now, record)
	default:
		m.learn(now, record, theWitness)
	}
}

// elected: the term was handed over to this boot, or a claim was granted that it
// had dropped. It serves once nobody else can.
func (m *Machine) elected(now Time, record site.Claim) {
	from := m.state.Granted
	m.take(now, record)
	m.elect = elect{from: from, at: now, lease: m.giverLease(now, from)}
	m.become(site.Elect, fmt.Sprintf("term %d, until the %s has yielded", record.Term, from.Holder))
}

// electedAt is when a full lease has passed since the grant, and the own promise.
func (m *Machine) electedAt() Time {
	if m.role != site.Elect {
		return 0
	}
	return max(m.elect.at+m.elect.lease, m.prom)
}

// decideElect is R8.4.
func (m *Machine) decideElect(now Time) {
	if m.role != site.Elect {
		return
	}
	p, from := &m.peer, m.elect.from
	v := &m.witness.other
	yielded := from.Term != 0 && from.Term+1 == m.state.Granted.Term &&
		(p.msg.Yielded == from.Term && p.boot == from.Boot || v.Yielded == from.Term && v.Boot == from.Boot)
	if (yielded || now >= m.electedAt() || slip.Is(slip.ElectServes)) && m.until(now) > now {
		m.serve(now)
	}
}

// watchWitness draws the verdict on the reach.
func (m *Machine) watchWitness(now Time) {
	w := &m.witness
	if m.cfg.Third != keepalive.Witness {
		return
	}
	patience := m.cfg.patience()
	if m.peer.here() && !m.peer.msg.ThirdOK {
		patience = max(m.cfg.Silent, agreeFloor, 3*w.trip) // two see the same
	}
	back := w.ok || w.at >= w.since // who is lost is back with a reply alone, not with a pause of our own
	ok := w.seq != 0 && back && (w.unsaid == 0 || now < w.unsaid+patience)
	if ok == w.ok {
		return
	}
	w.ok, w.since = ok, now
	if ok {
		m.note("witness reached", "")
		return
	}
	m.note("witness lost", fmt.Sprintf("no reply for %d ms", (now-w.unsaid).Milliseconds()))
	if m.role == site.Claiming {
		m.dropTo("the witness is out of reach")
	}
}

// dropTo ends a claim. Should it be granted yet, this boot is elect.
func (m *Machine) dropTo(why string) {
	m.claim.reset()
	m.become(site.Standby, why)
	m.aim(Goal{Mode: Watch})
}

// dropQuestion: what made the claim necessary is over (R6). If the peer has heard of
// the grant first, it is not: the witness will tell.
func (m *Machine) dropQuestion(now Time) {
	if _, needed := m.needed(now); !needed && !m.ownClaim(m.peer.msg.Granted) {
		m.dropTo("the claim isn't needed any more")
	}
}

// neededAtWitness is R6a and R6b for a peer that is silent here. The witness's
// view counts if it answers a question from after the peer had become suspect.
func (m *Machine) neededAtWitness(now Time) (string, bool) {
	w, v := &m.witness, &m.witness.other
	if w.sent < m.lastTwoWay()+m.cfg.suspect() || m.change.ended != 0 && w.sent < m.change.ended+m.cfg.Silent {
		return "", false
	}
	alive := v.Seq != 0 && v.Age < m.cfg.Silent && v.Fit
	if !alive || slip.Is(slip.WitnessViewIgnored) {
		w.idle = 0
		return "the peer is silent here and " + atWitness(v), true
	}
	deaf := v.Role == site.Suspended // the witness would answer it, and it would serve, if it heard that (ha-schedules.md 7)
	idle := (v.Role == site.Standby || v.Role == site.Mute || deaf) && v.Term <= m.state.Granted.Term
	if !idle {
		w.idle = 0
		return "", false
	}
	if w.idle == 0 {
		w.idle = max(now, m.started+LeaseMax)
	}
	if deaf {
		return "the active has no lease, says the witness", now >= w.idle+m.cfg.Silent
	}
	return "nobody is active, says the witness", now >= w.idle+m.idleWait()
}

// idleWait is who goes first when nobody is active (R6b).
func (m *Machine) idleWait() time.Duration {
	switch {
	case m.state.Granted.Holder == m.cfg.Side, m.heir:
		return 0
	case m.cfg.Side == site.Primary:
		return m.cfg.Silent
	}
	return LeaseMax + 2*m.cfg.Silent // a primary that has just started may not claim yet
}

func atWitness(v *wire.View) string {
	switch {
	case v.Seq == 0:
		return "was never heard at the witness"
	case !v.Fit:
		return "not fit at the witness: " + v.Reason.String()
	}
	return "at the witness"
}

// takerAtWitness: the peer, silent here, could take over, says the witness. A
// claimant could too: it waits for the end of a promise that we go on renewing, so
// nothing but our transfer ends its claim.
func (m *Machine) takerAtWitness() bool {
	v := &m.witness.other
	takes := v.Role == site.Standby || v.Role == site.Claiming
	return m.cfg.Third == keepalive.Witness && m.thirdOK() && v.Seq != 0 && v.Age < 2*helloPace && v.Fit && takes &&
		v.Term == m.state.Granted.Term && v.Version.AtLeast(site.HAVersion)
}

// connectedProblem says why the witness can't be used, or "" (F1: Connected).
func (m *Machine) connectedProblem() string {
	problem := m.ownReach()
	if problem == "" && m.peer.here() && !m.peer.msg.ThirdOK {
		problem = "the peer doesn't reach the witness"
	}
	return problem
}

// ownReach says why this vSocket can't use the witness, or "".
func (m *Machine) ownReach() string {
	switch w := &m.witness; {
	case w.seq == 0:
		return "the witness has not answered yet"
	case !w.ok:
		return "the witness doesn't answer"
	case w.state == wire.Blank:
		return "the witness has not heard both vSockets at this PoP yet"
	}
	return ""
}

// WitnessView is the talk with the witness as a person may look at it.
type WitnessView struct {
	Asked   bool // there is one
	OK      bool
	Problem string
	State   string
	Trip    time.Duration // from the last question to its reply, 0: none yet
	Loss    int           // of the last hundred questions, negative: not known yet
	Other   wire.View
}

func (m *Machine) viewWitness(Time) WitnessView {
	w := &m.witness
	if m.cfg.Third != keepalive.Witness {
		return WitnessView{}
	}
	v := WitnessView{Asked: true, OK: m.thirdOK(), Problem: m.ownReach(), State: w.state.String(), Trip: w.trip, Loss: -1, Other: w.other}
	if w.sample.known {
		v.Loss = w.sample.loss
	}
	return v
}
