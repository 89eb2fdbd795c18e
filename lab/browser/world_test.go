package browser

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/room/roomtest"
	"releve.dev/releve/lab/scenario"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/web/browsertest"
)

func TestMain(m *testing.M) { roomtest.Main(m) }

// programs is the environment's word for where the built programs are.
const programs = "RELEVE_PROGRAMS"

// lab is a site with a manager, and how a browser beside it reaches all pages.
type lab struct {
	*world.World
	t       *testing.T
	manager string // address
	pages   map[string]string
}

// rise brings a lab up as `releve lab up` does.
func rise(t *testing.T) *lab {
	t.Helper()
	roomtest.Need(t)
	folder := os.Getenv(programs)
	if folder == "" {
		t.Skip("the built programs are wanted: make test")
	}
	browsertest.Need(t)
	listener := func() net.Listener {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	passage := listener()
	port := uint16(passage.Addr().(*net.TCPAddr).Port)
	w, err := scenario.Up(t.Context(), world.Options{Agent: filepath.Join(folder, "releve-vsocket"), Manager: filepath.Join(folder, "releve-manager"),
		Managed: true, Pages: true, Passages: []uint16{port}, Profile: profile.Instant, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Down)
	l := &lab{World: w, t: t, pages: map[string]string{}}
	manager := listener()
	w.RelayManager(manager)
	w.RelayPassage(passage, port)
	l.manager = "https://" + manager.Addr().String()
	for _, node := range []string{world.Primary, world.Secondary} {
		way := listener()
		w.RelayPages(node, way)
		l.pages[node] = "https://" + way.Addr().String()
	}
	return l
}

// entry waits for a line of a vSocket's journal, not older than since.
func (l *lab) entry(node, what string, since time.Time) time.Time {
	l.t.Helper()
	var at time.Time
	err := l.Await(l.t.Context(), node+" says "+what, patience, func(context.Context) bool {
		for _, e := range l.Journal(node) {
			if e.What == what && e.Wall.After(since) {
				at = e.Wall
			}
		}
		return !at.IsZero()
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return at
}

// patience is how long a step may take on a busy machine.
const patience = 30 * time.Second
