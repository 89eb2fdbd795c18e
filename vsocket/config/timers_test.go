package config

import (
	"testing"

	"releve.dev/releve/site"
)

// A timer that the manager leaves to the vSocket is judged there as what it is here:
// the sample has the defaults.
func TestDefaultTimersAreTheSites(t *testing.T) {
	c, err := Parse("sample", []byte(FreshSample()))
	if err != nil {
		t.Fatal(err)
	}
	mine := site.Timers{Keepalive: c.HA.Keepalive, Silent: c.HA.Silent, Lease: c.HA.Lease, Confirm: c.HA.Confirm, Hold: c.HA.Hold}
	if mine != site.DefaultTimers() {
		t.Errorf("%+v, and %+v in package site", mine, site.DefaultTimers())
	}
}
