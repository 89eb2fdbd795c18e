// Package witness is what a vSocket and a witness say to each other: questions
// one way, replies the other, values to bytes and back. What they mean is
// decided in core/ha and core/witness.
package witness

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Port is the witness's UDP port, inside the tunnel.
const Port = 20481

// Question is what a vSocket sends: at least a sign of life, with all that the
// other vSocket may want to know of it. Times are on the vSocket's own clock and
// come back unread.
type Question struct {
	Site  uint64
	From  site.Side
	Boot  site.BootID
	Seq   uint64
	Sent  time.Duration
	Nonce uint64 // that the witness has told this side last, or 0: a boot is accepted with it
	Run   uint64 // of the witness whose replies are believed now, or 0
	Heard uint64 // Seq of its last reply, or 0
	Age   time.Duration

	Granted site.Claim // highest granted term that is known
	Role    site.Role
	Fit     bool
	Reason  keepalive.Reason
	Leased  bool // the serve gate is open
	AzureOK bool // ARM could be used lately
	Version site.Version

	Ask      Ask       // R2
	Claim    Claim     // R6
	Transfer site.Term // R8.2: the term that its holder gives to the other; 0 for none
	Yielded  site.Term // R8.3: the sender never serves this term again; 0 for none

	// Visit names the sender's stay at this PoP: another one each time it comes from
	// another PoP, or may come from there, as it has lost what it knew; the same over
	// its restarts. 0 where there is one PoP.
	Visit uint64
}

// Ask asks for a lease from when the question was sent. Lease 0: nothing is asked.
type Ask struct {
	Term  site.Term
	Lease time.Duration
}

// Claim asks for the term after From. Nonce 0: nothing is claimed.
type Claim struct {
	From       site.Term
	Nonce      uint64 // names this attempt within the boot
	Generation uint64
	Lease      time.Duration
	Yielded    bool // the holder of From yielded to the claimant
}

// Reply is what the witness says: to a question, or of its own accord when the
// record has changed.
type Reply struct {
	Site  uint64
	To    site.Side
	Run   uint64 // names one life of the witness
	Seq   uint64
	Nonce uint64 // for the next boot of this side
	Boot  site.BootID
	Heard uint64        // Seq of the boot's last question
	Sent  time.Duration // and its Sent

	State  State
	Record site.Claim // of the term; the zero Claim: never granted
	Grant  uint64     // Nonce of the claim by which Boot has got Record's term, or 0
	Answer site.Term  // R4: yes to the Ask of the question heard last; 0: no
	Other  View
}

// State is how far the witness is.
type State uint8

// The states.
const (
	Serving State = iota
	Young         // started less than the longest lease ago: grants nothing (R7)
	Blank         // has no record of the vSocket's visit, and waits to hear both (R10, decision 7)
	states
)

func (s State) String() string {
	if s < states {
		return [...]string{"serving", "young", "blank"}[s]
	}
	return "state?"
}

// View is what the witness sees of the other vSocket.
type View struct {
	Boot    site.BootID
	Seq     uint64        // of its last question; 0: never heard by this witness
	Age     time.Duration // of it
	Term    site.Term     // granted, that it knows
	Role    site.Role
	Fit     bool
	Reason  keepalive.Reason
	Leased  bool
	AzureOK bool
	Version site.Version
	Yielded site.Term
}
