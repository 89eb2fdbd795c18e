package inventory_test

import (
	"context"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// What many say is kept in their order, all of it or nothing.
func TestNotes(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		w.enrol(s.Secondary.Serial, site.Release)
		p, q := s.Primary.Serial, s.Secondary.Serial
		done := func(generation uint64) inventory.Progress {
			return inventory.Progress{Delivered: generation, Applied: generation}
		}
		w.must(w.Note(w.Context(), inventory.Progressed(p, done(1)), inventory.Progressed(q, done(2))))
		// Back to what the database has: that isn't the same as saying nothing.
		w.must(w.Note(w.Context(), inventory.Progressed(p, done(2)), inventory.Progressed(p, done(1))))
		if now := w.read(s.ID); now.Primary.Applied != 1 || now.Secondary.Applied != 2 {
			w.Errorf("%+v", now)
		}
		w.refused(w.Note(w.Context(), inventory.Progressed(p, done(3)), inventory.Seen("RLV-0000-0000", site.Release)), inventory.Unknown)
		if now := w.read(s.ID); now.Primary.Applied != 1 {
			w.Errorf("kept in part: %+v", now.Primary)
		}
	})
}

// A device that comes back with nothing new costs no write.
func TestNothingNewIsNotWritten(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		p, first := s.Primary.Serial, w.clock()
		at := func() time.Time { return w.read(s.ID).Primary.SeenAt }
		w.must(w.Note(w.Context(), inventory.Progressed(p, inventory.Progress{Delivered: 2, Applied: 2})))
		w.pass(59 * time.Minute)
		w.must(w.store.InTx(w.Context(), func(*query.Queries) error { // here SQLite lets nobody else write
			ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
			defer cancel()
			return w.Note(ctx, inventory.Seen(p, site.Release), inventory.Progressed(p, inventory.Progress{Delivered: 2, Applied: 2}))
		}))
		if !at().Equal(first) {
			w.Errorf("written after 59 minutes: %s", at())
		}
		w.must(w.Note(w.Context(), inventory.Seen(p, site.HAVersion)))
		if now := w.clock(); !at().Equal(now) {
			w.Errorf("another version is not written: %s", at())
		}
		w.pass(time.Hour)
		w.must(w.Note(w.Context(), inventory.Seen(p, site.HAVersion)))
		if now := w.clock(); !at().Equal(now) {
			w.Errorf("not written after an hour: %s instead of %s", at(), now)
		}
	})
}
