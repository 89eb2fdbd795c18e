package ha

import (
	"time"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Time is the agent's monotonic clock. Its zero lies before the agent's start;
// it is never compared with another machine's.
type Time = time.Duration

// The design's constants (ha.md section 3).
const (
	LeaseMax      = 3 * time.Second        // Lmax: the longest lease that settings allow
	DrainMax      = 300 * time.Second      // D: the longest drain
	drainQuiet    = 5 * time.Second        // a drain ends this long after the floating IP has left
	registerHold  = 5 * time.Second        // R11: what a read of the register is worth, from its request
	steerPatience = 5 * time.Second        // who can't reach Azure for this long, and would have to, gives way
	readyHold     = time.Second            // R8: a Ready lapses
	stopPatience  = 150 * time.Second      // a clean stop waits this long for Azure to take the traffic away
	deposedWait   = 10 * time.Minute       // R11: first wait of one deposed during a silence
	flapMemory    = 5 * time.Minute        // R13: takeovers this recent lengthen the hold
	holdMax       = 10 * time.Minute       // R13: and never beyond this
	missedRest    = 5 * time.Second        // and asks ARM again this often while IMDS doesn't list what ARM has shown
	metadataRest  = time.Second            // an active looks at IMDS this often
	StaleMax      = 10 * time.Second       // Azure's answers are taken to be no older than this
	longGone      = 5 * time.Second        // a witness that hasn't answered for so long is asked
	gonePace      = 250 * time.Millisecond // no more often than this
	helloPace     = time.Second            // who needs nothing of the witness says hello this often
	agreeFloor    = 200 * time.Millisecond // or after this long if the peer is without it too
	reachFloor    = time.Second            // the witness is out of reach after this long without a reply, or 3 Silent
	pauseFloor    = 50 * time.Millisecond
	jitterFloor   = 10 * time.Millisecond
)

// Config is what the machine must know of its site. Both vSockets have the
// same but for Side.
type Config struct {
	Side       site.Side
	Version    site.Version
	Generation uint64
	Third      keepalive.Third // who grants the terms: ARM's register or a witness
	PoPs       int             // how many there are, each with a witness, best first
	WitnessID  uint64          // the site's number at the witness
	Keepalive  time.Duration   // between two messages
	Silent     time.Duration   // K: without a message for this long the peer is silent
	Lease      time.Duration   // L
	Confirm    time.Duration   // R11: a silence lasts this much longer before a claim
	Hold       time.Duration   // R13
	Preempt    bool            // R13
	AloneStay  bool            // R11: alone: stay
	Waits      bool            // another life takes the rest of the settings, as a standby only (R14)
	FromSolo   bool            // this vSocket was Master by itself, and its gates are open
}

// counted is La: what the active itself counts of a lease, less than what its
// peer has promised, so that neither clock's rate nor timer's grain matters.
func (c *Config) counted() time.Duration {
	if slip.Is(slip.WholeLease) {
		return c.Lease
	}
	return c.Lease - max(20*time.Millisecond, c.Lease/10)
}

// suspect is the silence from which on free things are done.
func (c *Config) suspect() time.Duration { return c.Silent / 2 }

// patience is how long the witness may be silent until it is out of reach, and how
// long its return is waited for once the peer has seen it.
func (c *Config) patience() time.Duration { return max(reachFloor, 3*c.Silent) }

// pause is the gap in the own clock's ticks that counts as a pause (R2). Below
// pauseFloor it would be the scheduler's; a lease ends by itself there.
func (c *Config) pause() time.Duration { return max(c.Lease/2, pauseFloor) }
