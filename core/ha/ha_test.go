package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

const ms = time.Millisecond

// rig drives one machine by hand.
type rig struct {
	t   *testing.T
	m   *Machine
	now Time
	seq uint64
	did []Action
}

var peerBoot = site.BootID{9}

func testConfig(side site.Side) Config {
	return Config{Side: side, Version: site.Release, Generation: 1, Third: keepalive.ARM, Keepalive: 50 * ms,
		Silent: 200 * ms, Lease: 200 * ms, Confirm: time.Second, Hold: 10 * time.Second, Preempt: true, AloneStay: true}
}

// newRig is a fit vSocket that knows the term of state and reaches the third.
func newRig(t *testing.T, side site.Side, state State) *rig {
	r := &rig{t: t, now: time.Hour}
	r.m = New(testConfig(side), site.BootID{1}, 77, &state, r.now)
	r.m.Start(r.now)
	r.step(Fitness{Fit: true})
	r.step(AzureReach{OK: true})
	r.step(Register{SentAt: r.now, Claim: state.Granted, Settled: true})
	return r
}

func (r *rig) step(event Event) {
	r.did = append(r.did[:0], r.m.Step(r.now, event)...)
}

// pass lets time pass tick by tick, hearing the peer's message, if any, with each.
func (r *rig) pass(d time.Duration, hear *keepalive.Message) {
	for end := r.now + d; r.now < end; {
		r.now = min(end, max(r.now+ms, r.m.Next()))
		if hear != nil {
			r.hear(*hear)
		}
		r.step(Tick{})
	}
}

// hear gives the machine a message of the peer's that has just heard ours.
func (r *rig) hear(msg keepalive.Message) {
	r.seq++
	msg.From, msg.Boot, msg.Third, msg.Seq, msg.Sent = r.m.cfg.Side.Peer(), peerBoot, keepalive.ARM, r.seq, r.now
	msg.EchoNonce, msg.Version, msg.Fit, msg.ThirdOK, msg.AzureOK = 77, site.Release, true, true, true
	msg.Holds = max(msg.Holds, 1)
	msg.Echo[keepalive.LAN] = keepalive.Echo{Boot: site.BootID{1}, Seq: 1}
	r.step(Heard{&msg})
}

func (r *rig) role(want site.Role) {
	r.t.Helper()
	if r.m.role != want {
		r.t.Fatalf("%s, want %s", r.m.role, want)
	}
}

// has finds the last action of a kind.
func has[A Action](r *rig) (found A, ok bool) {
	for _, action := range r.did {
		if a, is := action.(A); is {
			found, ok = a, true
		}
	}
	return found, ok
}

// newActive is a primary that has just been granted term 1 and has the floating
// IP; its peer is a standby that is heard and answers nothing yet.
func newActive(t *testing.T) *rig {
	r := newRig(t, site.Primary, State{})
	r.pass(5*time.Second, nil)
	r.role(site.Claiming)
	claim := site.Claim{Term: 1, Holder: site.Primary, Boot: site.BootID{1}, Generation: 1}
	r.step(Won{SentAt: r.now, Claim: claim})
	r.step(Steered{Mine: true, Done: true})
	r.role(site.Active)
	r.pass(6*time.Second, &keepalive.Message{Role: site.Standby, Granted: claim}) // the register's lease is over
	return r
}

// R5: a lease counts from when its question was sent, never from the answer;
// the active counts La, less than its peer has promised.
func TestLeaseCountsFromTheQuestionR5(t *testing.T) {
	r := newActive(t)
	asked := r.now
	r.now += 120 * ms
	r.hear(keepalive.Message{Role: site.Standby, Granted: r.m.state.Granted, Answer: keepalive.Answer{Term: 1, SentAt: asked}})
	r.role(site.Active)
	if serve, ok := has[Serve](r); !ok || serve.Until != asked+180*ms {
		t.Fatalf("serves until %v after the question (%v)", serve.Until-asked, ok)
	}
	r.now = asked + 181*ms
	r.step(Tick{})
	r.role(site.Suspended)
}

// An answer of another term, or to a question from before a pause, renews nothing.
func TestVoidAnswersR5(t *testing.T) {
	r := newActive(t)
	r.role(site.Suspended)
	granted := r.m.state.Granted
	r.hear(keepalive.Message{Role: site.Standby, Granted: granted, Answer: keepalive.Answer{Term: 9, SentAt: r.now}})
	r.role(site.Suspended)
	asked := r.now
	r.now += time.Second // the own clock jumps
	r.step(Tick{})
	r.hear(keepalive.Message{Role: site.Standby, Granted: granted, Answer: keepalive.Answer{Term: 1, SentAt: asked + 990*ms}})
	r.role(site.Suspended)
	r.hear(keepalive.Message{Role: site.Standby, Granted: granted, Answer: keepalive.Answer{Term: 1, SentAt: r.now}})
	r.role(site.Active)
}

// R0, R6: no claim before the longest lease has passed since the start, whatever
// the peer says.
func TestNoClaimRightAfterAStartR0(t *testing.T) {
	granted := site.Claim{Term: 4, Holder: site.Primary, Boot: peerBoot}
	r := newRig(t, site.Secondary, State{Granted: granted})
	yielded := &keepalive.Message{Role: site.Standby, Granted: granted, Yielded: 4}
	r.pass(LeaseMax-100*ms, yielded)
	r.role(site.Standby)
	r.pass(200*ms, yielded)
	r.role(site.Claiming)
}

// R3: a promise to the peer keeps the standby from claiming, and a claimant
// answers nothing.
func TestPromiseR3(t *testing.T) {
	granted := site.Claim{Term: 4, Holder: site.Primary, Boot: peerBoot}
	r := newRig(t, site.Secondary, State{Granted: granted})
	active := keepalive.Message{Role: site.Active, Leased: true, Granted: granted}
	r.pass(LeaseMax+time.Second, &active)
	asks := active
	asks.Ask = keepalive.Ask{Term: 4, SentAt: 1, Lease: 2 * time.Second}
	r.hear(asks)
	if sent, ok := has[Send](r); !ok || sent.Answer != (keepalive.Answer{Term: 4, SentAt: 1}) {
		t.Fatalf("answered %+v (%v)", sent, ok)
	}
	r.pass(1900*ms, nil) // silent since, and certain
	r.role(site.Standby)
	r.pass(200*ms, nil)
	r.role(site.Claiming)
	r.step(ClaimSent{})
	r.hear(asks)
	if sent, ok := has[Send](r); ok && sent.Answer.Term != 0 {
		t.Fatal("a claimant answers")
	}
	r.role(site.Claiming)
}

// After a pause an active whose peer is gone reads the third at once and opens on
// that alone; the pause is no word of the peer's.
func TestPauseAlone(t *testing.T) {
	r := newActive(t)
	r.pass(time.Second, nil)
	granted := r.m.state.Granted
	r.step(Register{SentAt: r.now, Claim: granted, Settled: true})
	r.role(site.Active)
	r.now += 400 * ms
	r.step(Tick{})
	r.role(site.Suspended)
	if _, ok := has[Steer](r); !ok || !r.m.peer.silent {
		t.Fatalf("reads the third: %v, peer silent: %v", ok, r.m.peer.silent)
	}
	r.step(Register{SentAt: r.now - ms, Claim: granted, Settled: true}) // asked before the pause was over
	r.role(site.Suspended)
	r.step(Register{SentAt: r.now, Claim: granted, Settled: true})
	r.role(site.Active)
}

// B5: the floating IP's configuration outlives the agent, but a mute one keeps
// nothing before the third has told it the term (R0): kept, it would count as a
// state.
func TestTheFloatingIPsConfigurationIsKept(t *testing.T) {
	r := newRig(t, site.Secondary, State{Granted: site.Claim{Term: 4, Holder: site.Primary}})
	r.step(Seen{Config: "{1}"})
	if save, ok := has[Save](r); !ok || save.State.Floating != "{1}" || save.State.Granted.Term != 4 {
		t.Fatalf("saved %+v (%v)", save.State, ok)
	}
	if kept, ok := DecodeState(r.m.state.Encode()); !ok || kept != r.m.state {
		t.Fatalf("%+v comes back as %+v", r.m.state, kept)
	}
	r.m = New(testConfig(site.Secondary), site.BootID{1}, 77, nil, r.now)
	r.step(Seen{Config: "{2}"})
	if save, ok := has[Save](r); ok {
		t.Fatalf("a mute one saved %+v", save.State)
	}
	r.step(Register{SentAt: r.now, Claim: site.Claim{Term: 5, Holder: site.Primary}, Settled: true})
	if save, ok := has[Save](r); !ok || save.State.Floating != "{2}" || save.State.Granted.Term != 5 {
		t.Fatalf("saved with the term: %+v (%v)", save.State, ok)
	}
}

// R2: a guest whose clock stood still with it knows by the peer's clock; a
// message that came late, or a peer that stood still itself, looks like no such
// thing (ha-schedules.md 10).
func TestThePeersClockRunsOnR2(t *testing.T) {
	const pause = 100 * ms
	var line path
	now, seq := time.Hour, uint64(0)
	hear := func(after, late Time) bool {
		now, seq = now+after, seq+1
		return line.hear(now, &keepalive.Message{Seq: seq, Sent: now - late - 20*time.Minute}, pause)
	}
	for range 10 {
		if hear(50*ms, ms) {
			t.Fatal("a jump at rest")
		}
	}
	if hear(300*ms, 250*ms) || hear(ms, ms) {
		t.Error("a message that was under way for 250 ms, and then one that wasn't, are a jump")
	}
	if !hear(50*ms, ms-2*time.Second) {
		t.Error("the own clock stood still for 2 s, and nothing is noticed")
	}
	seen := false
	for waited := range Time(8) { // they come at once, each a keepalive further ahead
		seen = hear(0, ms-2*time.Second-waited*50*ms) || seen
	}
	if !seen {
		t.Error("the own clock stood still, messages of 400 ms have waited, and nothing is noticed")
	}
	if hear(50*ms, ms-2*time.Second-8*50*ms) {
		t.Error("a pause that was noticed is noticed again")
	}
	const stood = 10 * time.Second // the peer did: its clock is late from here on
	for range 250 {
		if hear(50*ms, stood) {
			t.Fatal("a peer that stood still is a jump")
		}
	}
	if !hear(50*ms, stood-time.Second) {
		t.Error("after the peer has stood still, an own pause isn't noticed")
	}
}
