// Package keepalive is the datagram that the two vSockets of a site exchange
// all the time, whatever their role: values to bytes and back, and the
// authentication of the bytes. What a message means is decided in core/ha.
package keepalive

import (
	"time"

	"releve.dev/releve/site"
)

// Port is the UDP port, the same as the source's (vendor-system.md (a)).
const Port = 20480

// Path is a way between the two vSockets.
type Path uint8

// The paths. The LAN path is the one that the Keepalive indicator shows.
const (
	LAN Path = iota
	MGMT
	Paths // how many there are
)

func (p Path) String() string {
	switch p {
	case LAN:
		return "lan"
	case MGMT:
		return "mgmt"
	}
	return "path?"
}

// Third names who grants the terms.
type Third uint8

// The thirds. Messages of vSockets with different thirds are no questions and
// no answers to each other (ha-schedules.md 29).
const (
	NoThird Third = iota
	ARM
	Witness
)

// Message is one keepalive. All times are the sender's own monotonic clock,
// counted from the start of its agent; they come back in echoes and answers
// and are never compared with another machine's.
type Message struct {
	Path       Path // the path that this copy was sent on
	From       site.Side
	Boot       site.BootID
	Seq        uint64 // one number a message; copies on two paths share it
	Sent       time.Duration
	Nonce      uint64 // the sender's; who echoes it has heard this boot
	EchoNonce  uint64 // of the peer's boot that the sender has accepted, or 0
	HelloNonce uint64 // of a boot that the sender has not accepted yet, or 0

	Granted site.Claim // highest granted term that the sender knows
	Role    site.Role
	Fit     bool
	Reason  Reason // why it isn't fit
	Third   Third
	ThirdOK bool // the sender has reached the third lately
	AzureOK bool // the sender could use ARM lately
	Steered bool // active: steering is done and at rest
	Leased  bool // active: its serve gate is open
	Version site.Version
	PoP     uint8 // in use, counted from 1; 0: there is none

	Echo [Paths]Echo // what the sender has last heard on each path

	Ask     Ask       // R2
	Answer  Answer    // R3
	Yielded site.Term // R8.3: the sender never serves this term again; 0 for none
	Prepare site.Term // R8.1: asks the standby to get ready to take over; 0 for none
	Ready   site.Term // R8.1: it is; 0 for none
	Wants   bool      // R13: the intended primary asks for the active role back

	Waits bool   // the sender takes the rest of its settings as a standby only (R14)
	Holds uint64 // generation of the settings that the sender goes by, or changes to (R14)
}

// Echo tells the peer which of its messages was heard last on a path.
type Echo struct {
	Boot site.BootID
	Seq  uint64        // 0: nothing heard yet
	Age  time.Duration // how long ago, when this message was sent
}

// Ask is an active's question: may I go on? Lease 0 means that nothing is asked.
type Ask struct {
	Term   site.Term
	SentAt time.Duration // the asker's clock
	Lease  time.Duration
}

// Answer is a standby's promise not to claim for the ask's lease. Term 0 means
// that nothing is answered.
type Answer struct {
	Term   site.Term
	SentAt time.Duration // the ask's SentAt
}

// Reason says why a vSocket isn't fit to serve.
type Reason uint8

// The reasons, the most telling one of several.
const (
	Fine       Reason = iota
	Starting          // no probe has answered yet
	WANDown           // no Internet probe answers over the WAN
	LANDown           // the LAN's gateway doesn't answer ARP
	Stopping          // the agent was told to stop
	OldVersion        // below 11.0 (C1)
)

var reasonTexts = [...]string{"", "starting", "WAN down", "LAN down", "stopping", "version below 11.0"}

func (r Reason) String() string {
	if int(r) < len(reasonTexts) {
		return reasonTexts[r]
	}
	return "unknown reason"
}
