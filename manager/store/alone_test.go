package store_test

import (
	"context"
	"testing"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// On one PostgreSQL a work is done by one manager at a time; another work isn't in
// its way, and it can be done again.
func TestAlone(t *testing.T) {
	url := storetest.Postgres(t)
	a, b := storetest.Open(t, url), storetest.Open(t, url)
	alone := func(s *store.Store, work string, do func(context.Context) error) bool {
		t.Helper()
		ran, err := s.Alone(t.Context(), work, do)
		if err != nil {
			t.Error(err)
		}
		return ran
	}
	nothing := func(context.Context) error { return nil }
	if !alone(a, "x", func(context.Context) error {
		if alone(b, "x", nothing) {
			t.Error("two at once")
		}
		if !alone(b, "y", nothing) {
			t.Error("another work waits")
		}
		return nil
	}) {
		t.Error("not done")
	}
	if !alone(b, "x", nothing) {
		t.Error("nobody does it any more")
	}
	if !alone(storetest.Open(t, storetest.SQLite(t)), "x", nothing) {
		t.Error("SQLite has one manager")
	}
}
