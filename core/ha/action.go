package ha

import (
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/witness"
)

// Action is something to be done, in the order given. A Save must be durable
// before any later action is begun.
type Action interface{ action() }

// Save keeps the state.
type Save struct{ State State }

// Send sends a message on every path. The driver fills in Path, and may not
// keep the pointer.
type Send struct{ *keepalive.Message }

// Question is for the witness. The driver may not keep the pointer.
type Question struct{ *witness.Question }

// UsePoP moves the tunnel, and the talk with the witness, to that PoP.
type UsePoP struct{ PoP int }

// Retry tries to reach the PoP in use now, not at the tunnel's next time: the peer
// reaches it.
type Retry struct{}

// Serve opens the serve gate until then; a time that has passed closes it.
type Serve struct{ Until Time }

// Drain is the same for the drain gate.
type Drain struct{ Until Time }

// Down opens or closes the way from the cloud to the LAN.
type Down struct{ Open bool }

// FloatingIP puts the address on the guest's interface, or takes it off.
type FloatingIP struct{ On bool }

// Steer tells the steering what is wanted of it from now on.
type Steer struct{ Goal Goal }

// ReadMetadata asks IMDS where the floating IP is.
type ReadMetadata struct{}

// Note is a line of the timeline.
type Note struct{ What, Detail string }

// Stopped: the agent may end now.
type Stopped struct{}

func (Save) action()         {}
func (Send) action()         {}
func (Question) action()     {}
func (UsePoP) action()       {}
func (Retry) action()        {}
func (Serve) action()        {}
func (Drain) action()        {}
func (Down) action()         {}
func (FloatingIP) action()   {}
func (Steer) action()        {}
func (ReadMetadata) action() {}
func (Note) action()         {}
func (Stopped) action()      {}
