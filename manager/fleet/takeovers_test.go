package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/vsocket/spool"
)

// stories is the shelf for takeovers.
type stories struct{ *shelf }

func (s stories) Keep(_ context.Context, sent []takeovers.Sent) (refused int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return 0, errors.New("the database is away")
	}
	for _, t := range sent {
		s.takeovers = append(s.takeovers, fmt.Sprintf("%s after %d events: %s", t.Serial, len(s.events), t.Body))
	}
	return 0, nil
}

// A takeover's rows come after all events, though they were there first, and stay on
// the vSocket's disk until they are kept.
func TestTakeovers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.shelf.do(func(s *shelf) { s.broken = true })
		v := w.enrolled(1).run()
		for _, e := range []struct {
			class spool.Class
			body  string
		}{{spool.Takeover, `{"term":7}`}, {spool.Plain, "1"}, {spool.HA, "2"}} {
			if _, err := v.spool.Append(e.class, []byte(e.body)); err != nil {
				t.Fatal(err)
			}
		}
		after(time.Minute)
		if n := v.spool.Stats().Events[spool.Takeover]; n != 1 {
			t.Errorf("%d takeovers wait for a manager that keeps nothing", n)
		}
		w.shelf.do(func(s *shelf) { s.broken = false })
		w.until(5*time.Minute, "all are there", func() bool { return v.spool.Stats().Total() == 0 })
		if got, want := w.shelf.takeovers, string(v.serial)+` after 2 events: {"term":7}`; len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
