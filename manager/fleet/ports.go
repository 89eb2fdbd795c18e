package fleet

import (
	"context"
	"time"

	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/site"
)

// Inventory is what the fleet needs to know and tells. *inventory.Service is one.
type Inventory interface {
	// Redeem uses an enrolment key up, for one public key; its error is an
	// *inventory.Refusal where the device is at fault.
	Redeem(ctx context.Context, serial site.Serial, secret [20]byte, keyHash string) (inventory.VSocket, error)
	// Generation is that of PoPSettings, or of Settings, and fails as they do.
	Generation(ctx context.Context, serial site.Serial, pop bool) (uint64, error)
	Settings(ctx context.Context, serial site.Serial) (inventory.Settings, error)
	// Note keeps all of them in one commit, or none.
	Note(ctx context.Context, notes ...inventory.Note) error
	Told(ctx context.Context, serial site.Serial, l inventory.Local) error
	PoPSettings(ctx context.Context, serial site.Serial) (inventory.PoPSettings, error)
	PoPTold(ctx context.Context, serial site.Serial, l inventory.LocalPoP) error
	VoidSerials(ctx context.Context) ([]site.Serial, error)
}

// Events keeps what devices send; *events.Keeper is one. What can be kept is
// durable when it returns nil; one that is there already stays as it is.
type Events interface {
	Keep(ctx context.Context, sent []events.Sent) (events.Result, error)
}

// Takeovers keeps what devices tell of takeovers, as Events does; *takeovers.Keeper is
// one. It says how many can't be kept, ever.
type Takeovers interface {
	Keep(ctx context.Context, sent []takeovers.Sent) (refused int, err error)
}

var (
	_ Takeovers = (*takeovers.Keeper)(nil)
	_ Inventory = (*inventory.Service)(nil)
	_ Events    = (*events.Keeper)(nil)
)

// Incident is what only the manager can see of a device.
type Incident struct {
	At     time.Time
	Serial site.Serial
	Kind   IncidentKind
	Remote string // the address it came from; "" if it is lost
	Detail string
}

// IncidentKind says what happened.
type IncidentKind string

// The incidents.
const (
	Lost       IncidentKind = "lost"        // a connected device isn't heard any more
	VoidTried  IncidentKind = "void-tried"  // a void serial number wanted to connect or enrol
	CloneTried IncidentKind = "clone-tried" // another machine came with a connected device's identity
	UsedTried  IncidentKind = "used-tried"  // another machine came with an enrolment key that was used
)
