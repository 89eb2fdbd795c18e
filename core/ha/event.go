package ha

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/witness"
)

// Event is something that happened. The events that come with every datagram
// and tick are pointers or empty, so that they cost no memory.
type Event interface{ event() }

// Tick: the time that Next named has come. Late is by how much it has passed.
type Tick struct{ Late time.Duration }

// Heard: a keepalive of the peer, authenticated.
type Heard struct{ *keepalive.Message }

// Fitness: the probes' verdict has changed.
type Fitness struct {
	Fit    bool
	Reason keepalive.Reason
}

// Register: a read showed the register. SentAt is when the read was sent;
// Settled says that no operation is under way on it.
type Register struct {
	SentAt  Time
	Claim   site.Claim
	Settled bool
}

// Told: the witness has said something, authenticated.
type Told struct{ *witness.Reply }

// Tag: the claim on the NIC that isn't the register is above the own term. The
// register is written first, so somebody has put an old one back (R1, ha.md
// section 4).
type Tag struct{ Claim site.Claim }

// AzureReach: ARM's register can be used, or not any more, and why.
type AzureReach struct {
	OK      bool
	Problem string
}

// Refused: Azure refuses a holder's write, though it is neither busy nor at its limit,
// and why; "": it takes them again, or nothing is left to write.
type Refused struct{ Why string }

// Prepared: both NICs have been fetched, a claim can go out at once.
type Prepared struct{}

// ClaimSent: the claim's write is under way; from here on only its outcome
// ends the claim.
type ClaimSent struct{}

// ClaimFailed: that write changed nothing.
type ClaimFailed struct {
	Why    string
	Unsure bool // it may yet show: the answer was lost, and a read may have been old
}

// Won: the register shows the own claim and no operation is under way (R11).
type Won struct {
	SentAt Time // of the read
	Claim  site.Claim
}

// Steered: what the last reads show of the floating IP.
type Steered struct {
	Mine bool // the floating IP is read back as own
	Done bool // on the own NIC alone, all tags in place, nothing under way
}

// Seen: a read showed the floating IP's own configuration, and it isn't the one
// that was told last. It is without what Azure derives from its NIC.
type Seen struct{ Config string }

// Metadata: IMDS lists the floating IP on the own NIC, or not.
type Metadata struct {
	SentAt Time
	Mine   bool
}

// PeerVM: ARM says that the peer's VM is stopped or has failed.
type PeerVM struct{ Stopped bool }

// Configure: the settings have changed (R14). What a running machine can't take
// is as in its Config.
type Configure struct{ Config }

// Stop: the agent is told to end.
type Stop struct{}

func (Tick) event()        {}
func (Heard) event()       {}
func (Told) event()        {}
func (Fitness) event()     {}
func (Register) event()    {}
func (Tag) event()         {}
func (AzureReach) event()  {}
func (Refused) event()     {}
func (Prepared) event()    {}
func (ClaimSent) event()   {}
func (ClaimFailed) event() {}
func (Won) event()         {}
func (Steered) event()     {}
func (Seen) event()        {}
func (Metadata) event()    {}
func (PeerVM) event()      {}
func (Configure) event()   {}
func (Stop) event()        {}
