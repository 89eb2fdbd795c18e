// Package agent is the vSocket's thin loop: what happens (a datagram, a timer,
// an answer of ARM) goes into the core, and what the core decides goes out by
// the ports declared here.
//
// Driver is the loop without its clock and goroutine: the simulator runs it as
// it is. All its methods, and all calls of ports, are made by one goroutine.
package agent

import (
	"net/netip"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Links sends keepalives. Loss is normal and not reported.
type Links interface {
	Send(path keepalive.Path, datagram []byte)
}

// Witness sends questions to the witness. Loss is normal and not reported.
type Witness interface {
	Ask(datagram []byte)
	Use(pop int) // from now on this PoP and its witness, by its place in the list
	Retry()      // the PoP in use can be reached, says the peer
}

// Gate is the kernel's word on what is forwarded. Its openings end by
// themselves, so that an agent that has stopped forwards nothing. Deadlines
// are on the agent's clock; one in the past closes.
type Gate interface {
	Serve(until time.Duration) error // LAN to cloud, as the active
	Drain(until time.Duration) error // LAN to cloud, for traffic still under way to a deposed active
	Down(open bool) error            // cloud to LAN
}

// Guest puts the floating IP on the guest's LAN interface, or takes it off.
// Both may be called again without effect.
type Guest interface {
	FloatingIP(on bool) error
	Addresses(list []netip.Addr) error // from now on it is these (one, but while a change is under way), and IMDS lists all of them
}

// Cloud starts a call to ARM; its Response comes back as an event.
type Cloud interface {
	Start(request steer.Request)
}

// Metadata starts a read of IMDS; its answer comes back as an event.
type Metadata interface {
	Start()
}

// Store keeps the few bytes that must outlive the agent. Save returns once
// they are durable.
type Store interface {
	Load() (record []byte, ok bool, err error) // ok is false if there is no valid record
	Save(record []byte) error
}

// Journal keeps the timeline.
type Journal interface {
	Append(site.Entry)
}
