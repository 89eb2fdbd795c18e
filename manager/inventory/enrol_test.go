package inventory_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// A serial number goes from new to assigned to registered; its key is good once,
// for a day, for one machine's key, which may ask again for ten minutes.
func TestEnrolment(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		serial, ctx := s.Primary.Serial, w.Context()
		state := func(want inventory.State) {
			w.Helper()
			if got := w.read(s.ID).Primary.State; got != want {
				w.Errorf("%s, not %s", got, want)
			}
		}
		_, err := w.Redeem(ctx, serial, [20]byte{}, "k")
		w.refused(err, inventory.BadKey)
		old, err := w.EnrolKey(ctx, w.who, serial, inventory.Change{})
		w.must(err)
		state(inventory.StateAssigned)
		w.pass(24 * time.Hour)
		_, err = w.Redeem(ctx, serial, old.Secret, "k")
		w.refused(err, inventory.Expired)
		key, err := w.EnrolKey(ctx, w.who, serial, inventory.Change{})
		w.must(err)
		_, err = w.Redeem(ctx, serial, old.Secret, "k")
		w.refused(err, inventory.BadKey)
		_, err = w.Redeem(ctx, "RLV-0000-0000", key.Secret, "k")
		w.refused(err, inventory.Unknown)
		w.refused(w.Seen(ctx, serial, site.Release), inventory.NotNow)

		v, err := w.Redeem(ctx, serial, key.Secret, "k")
		if err != nil || v.State != inventory.StateRegistered || v.Side != site.Primary || v.Site != s.ID {
			w.Errorf("%+v, %v", v, err)
		}
		state(inventory.StateRegistered)
		w.pass(10*time.Minute - time.Second)
		again, err := w.Redeem(ctx, serial, key.Secret, "k")
		if err != nil || again.Serial != v.Serial {
			w.Errorf("a lost reply: %+v, %v", again, err)
		}
		_, err = w.Redeem(ctx, serial, key.Secret, "another")
		w.refused(err, inventory.Used)
		w.pass(time.Second)
		_, err = w.Redeem(ctx, serial, key.Secret, "k")
		w.refused(err, inventory.Used)
		_, err = w.Redeem(ctx, serial, [20]byte{1}, "k")
		w.refused(err, inventory.BadKey)
		_, err = w.EnrolKey(ctx, w.who, serial, inventory.Change{})
		w.refused(err, inventory.NotNow)
		registers := 0
		for _, r := range w.audits() {
			if r.Action == "socket.register" {
				registers++
			}
		}
		if registers != 1 {
			w.Errorf("registered %d times", registers)
		}
	})
}

// The printed key says who, and whom to believe; the database doesn't know it.
func TestKeyIsKeptAsHash(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		key, err := w.EnrolKey(w.Context(), w.who, s.Primary.Serial, inventory.Change{})
		w.must(err)
		if got, err := site.ParseEnrolKey(key.String()); err != nil || got != key || got.Serial != s.Primary.Serial || got.Fingerprint != [32]byte{1, 2, 3} {
			w.Errorf("%v, %v", got, err)
		}
		row, err := w.store.Read().VSocketOfAny(w.Context(), string(key.Serial))
		if err != nil || len(row.SecretHash) != 64 || strings.Contains(key.String(), row.SecretHash) {
			w.Errorf("%+v, %v", row, err)
		}
	})
}

// Machines that use one key at once: one is registered, the others are told.
func TestOneKeyManyMachines(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		key, err := w.EnrolKey(w.Context(), w.who, s.Primary.Serial, inventory.Change{})
		w.must(err)
		errs := make([]error, 6)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = w.Redeem(w.Context(), key.Serial, key.Secret, string(rune('a'+i))) })
		}
		all.Wait()
		good := 0
		for _, err := range errs {
			if err == nil {
				good++
				continue
			}
			w.refused(err, inventory.Used)
		}
		if good != 1 {
			w.Errorf("%d machines are %s", good, key.Serial)
		}
	})
}

// Administrators that change one site at once: each generation is one change, and
// the others hear that it is stale. Sites made at once don't overlap.
func TestChangesAtOnce(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		const admins = 5
		errs, made := make([]error, admins), make([]error, admins)
		var all sync.WaitGroup
		for i := range admins {
			all.Go(func() {
				_, errs[i] = w.SetSite(w.Context(), w.who, s.ID, at(s), named(strings.Repeat("x", i+1)))
			})
			all.Go(func() {
				_, made[i] = w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: strings.Repeat("y", i+1), Native: pre("10.9.0.0/24"), LocalIP: ip("10.9.0.10")}, inventory.Change{})
			})
		}
		all.Wait()
		for kind, tried := range map[inventory.Kind][]error{inventory.Stale: errs, inventory.Invalid: made} {
			good := 0
			for _, err := range tried {
				if err == nil {
					good++
					continue
				}
				w.refused(err, kind)
			}
			if good != 1 {
				w.Errorf("%d of %d went through (the others: %s)", good, admins, kind)
			}
		}
		if got := w.read(s.ID); got.Generation != 2 {
			w.Errorf("generation %d", got.Generation)
		}
	})
}

// Changes that have nothing to do with each other all go through, though
// PostgreSQL may see conflicts between them.
func TestManyAtOnce(t *testing.T) {
	onBoth(t, func(w *world) {
		const admins, each = 8, 6
		var all sync.WaitGroup
		for i := range admins {
			all.Go(func() {
				for j := range each {
					n := inventory.NewSite{Name: fmt.Sprint(i, " ", j), Native: pre(fmt.Sprintf("10.%d.%d.0/24", i, j)), LocalIP: ip(fmt.Sprintf("10.%d.%d.10", i, j))}
					s, err := w.CreateSite(w.Context(), w.who, n, inventory.Change{})
					if err != nil {
						w.Error(err)
						continue
					}
					if _, err := w.SetSite(w.Context(), w.who, s.ID, at(s), named("site "+s.Name)); err != nil {
						w.Error(err)
					}
				}
			})
		}
		all.Wait()
		list, err := w.Sites(w.Context(), w.who, inventory.Page{Limit: 500})
		if err != nil || len(list.Items) != admins*each || len(w.audits()) != 50 {
			w.Errorf("%d sites, %v", len(list.Items), err)
		}
	})
}
