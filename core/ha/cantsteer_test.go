package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// refusedWhile has Azure refuse an active's writes once a second.
func refusedWhile(r *rig, d time.Duration, fipHere bool) {
	for end := r.now + d; r.now < end && r.m.serving(); {
		r.step(Refused{Why: "500 InternalServerError"})
		r.step(Metadata{SentAt: r.now, Mine: fipHere})
		granted := r.m.state.Granted
		r.pass(time.Second, &keepalive.Message{Role: site.Standby, Granted: granted, Ready: granted.Term})
	}
}

// holds: it has kept its role.
func (r *rig) holds() {
	r.t.Helper()
	if !r.m.serving() {
		r.t.Fatalf("%s, want one that holds the term", r.m.role)
	}
}

// R8: an active that Azure refuses for long gives its role to a peer that may have
// better luck, once: if Azure refuses both, the role doesn't go to and fro.
func TestRefusedActiveGivesItsRoleOnce(t *testing.T) {
	r := newActive(t)
	refusedWhile(r, 20*time.Second, true)
	r.holds() // the floating IP is here: nothing is amiss yet
	since := r.now
	refusedWhile(r, 20*time.Second, false)
	r.role(site.Standby)
	if r.now > since+2*time.Second {
		t.Errorf("gave its role %v after the floating IP had left", r.now-since)
	}
	yielded := keepalive.Message{Role: site.Standby, Granted: r.m.state.Granted}
	r.pass(5*time.Second, &yielded) // the taker doesn't claim
	r.role(site.Claiming)
	r.step(Won{SentAt: r.now, Claim: site.Claim{Term: 2, Holder: site.Primary, Boot: site.BootID{1}, Generation: 1}})
	r.step(Steered{Mine: true})
	refusedWhile(r, 20*time.Second, false)
	r.holds()
}

// What was refused before Azure took a write is no reason.
func TestTakenWriteEndsTheRefusal(t *testing.T) {
	r := newActive(t)
	refusedWhile(r, 10*time.Second, true)
	r.step(Refused{})
	refusedWhile(r, 5*time.Second, false)
	r.holds()
}
