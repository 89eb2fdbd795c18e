package config

import (
	"testing"

	"releve.dev/releve/site"
)

// A timer that the manager leaves to the vSocket is judged there as what it is here.
func TestDefaultTimersAreTheSites(t *testing.T) {
	h := defaultHA()
	mine := site.Timers{Keepalive: h.Keepalive, Silent: h.Silent, Lease: h.Lease, Confirm: h.Confirm, Hold: h.Hold}
	if mine != site.DefaultTimers() {
		t.Errorf("%+v, and %+v in package site", mine, site.DefaultTimers())
	}
}
