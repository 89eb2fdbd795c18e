package channel

import (
	"context"

	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

// What a vSocket's end shares with a PoP's.
type (
	// Identity is who this vSocket is to the manager.
	Identity = line.Identity
	// Dial makes a connection to the manager; nil is net.Dialer's.
	Dial = line.Dial
)

// ErrNotEnrolled says that there is no identity yet.
var ErrNotEnrolled = line.ErrNotEnrolled

// Enrol makes this vSocket the one with the enrolment key's serial number, as
// line.Enrol says.
func Enrol(ctx context.Context, manager string, dial Dial, folder disk.Folder, k site.EnrolKey) (*Identity, error) {
	return line.Enrol(ctx, manager, dial, folder, k)
}
