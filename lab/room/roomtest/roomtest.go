// Package roomtest runs a package's tests inside a room, where they may make
// hosts and interfaces as they like.
package roomtest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"releve.dev/releve/lab/room"
)

// statusNoRoom tells the outer test process that the room can't be had.
const statusNoRoom = 78

var whyNot error

// Main is a TestMain. Where the machine can't have a room the tests run
// outside, and those that call Need are skipped.
func Main(m *testing.M) {
	if !room.Inside() {
		status, err := room.Enter(nil)
		switch {
		case errors.Is(err, room.ErrNoRoom) && os.Getpid() == 1:
			fmt.Fprintln(os.Stderr, err)
			os.Exit(statusNoRoom)
		case errors.Is(err, room.ErrNoRoom):
			whyNot = err
		case err != nil:
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		case status == statusNoRoom:
			whyNot = room.ErrNoRoom
		default:
			os.Exit(status)
		}
	}
	os.Exit(m.Run())
}

// Need skips the test outside a room.
func Need(t testing.TB) {
	t.Helper()
	if whyNot != nil {
		t.Skip(whyNot)
	}
}
