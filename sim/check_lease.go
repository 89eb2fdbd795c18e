package sim

import (
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/witness"
)

// leaseCheck is R5 and R11 to the letter: each opening of the gate is covered
// by an answer of the peer's, a read of the register or a look at IMDS, counted
// from when its question was sent. It reads what the active hears, so it looks
// at every fourth seed only.
type leaseCheck struct {
	indifferent
	w       *World
	message keepalive.Message
	reply   witness.Reply
	mac     auth.MAC
	until   [3]time.Duration // local: what covers an opening
	life    [3]uint32
}

func (l *leaseCheck) looks() bool { return l.w.sched.Seed%4 == 0 }

func (l *leaseCheck) cover(n *node, until time.Duration) {
	if l.life[n.side] != n.life {
		l.life[n.side], l.until[n.side] = n.life, 0
	}
	l.until[n.side] = max(l.until[n.side], until)
}

// hears is told of each datagram that an agent gets.
func (l *leaseCheck) hears(n *node, datagram []byte) {
	if !l.looks() || (n.role != site.Active && n.role != site.Suspended && n.role != site.Elect) {
		return
	}
	if l.mac == nil {
		l.mac = n.w.anyKey()
	}
	m := &l.message
	if keepalive.Decode(datagram, m, l.mac) != nil || m.Answer.Term == 0 || m.Answer.Term != n.granted.Term {
		return
	}
	lease := l.w.most.Lease
	l.cover(n, m.Answer.SentAt+lease-max(20*time.Millisecond, lease/10))
}

// told is the same for what the witness says.
func (l *leaseCheck) told(n *node, datagram []byte) {
	if !l.looks() {
		return
	}
	if l.mac == nil {
		l.mac = n.w.anyKey()
	}
	r := &l.reply
	if witness.DecodeReply(datagram, r, l.mac) != nil || r.Answer == 0 || r.Boot != n.boot_ {
		return
	}
	lease := l.w.most.Lease
	l.cover(n, r.Sent+lease-max(20*time.Millisecond, lease/10))
}

// answered is told of each answer of ARM's.
func (l *leaseCheck) answered(n *node, request *steer.Request, response *steer.Response) {
	if !l.w.sched.Settings.Witness && response.OK() && target(n, request) == site.Primary {
		l.cover(n, response.SentAt+registerHold)
	}
}

// looked is told of each look at IMDS.
func (l *leaseCheck) looked(n *node, sentAt time.Duration, mine bool) {
	if mine && l.w.sched.Settings.Stay && !l.w.sched.Settings.Witness {
		l.cover(n, sentAt+lookHold)
	}
}

func (l *leaseCheck) serves(n *node, until time.Duration) {
	if !l.looks() || until <= n.local() || n.goesOn() {
		return
	}
	if l.life[n.side] != n.life || until > l.until[n.side] {
		l.w.fail("lease", "the %s opens its gate for %v longer than any lease covers", n.side, until-l.until[n.side])
	}
}
