package fitness

import (
	"testing"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// A verdict needs both paths, survives single losses, and recovers slowly.
func TestVerdict(t *testing.T) {
	j := New(Config{Failures: 4, Recovery: 8, Version: site.Release})
	want := func(fit bool, reason keepalive.Reason) {
		t.Helper()
		if f, r := j.Verdict(); f != fit || r != reason {
			t.Fatalf("fit %v (%s), want %v (%s)", f, r, fit, reason)
		}
	}
	read := func(kind Kind, ok bool, times int) {
		for range times {
			j.Read(kind, ok)
		}
	}
	want(false, keepalive.Starting)
	read(WAN, true, 1)
	want(false, keepalive.Starting)
	read(LAN, true, 1)
	want(true, keepalive.Fine)
	read(WAN, false, 3)
	read(WAN, true, 1)
	read(WAN, false, 3)
	want(true, keepalive.Fine)
	read(WAN, false, 1)
	want(false, keepalive.WANDown)
	read(LAN, false, 4)
	want(false, keepalive.LANDown)
	read(LAN, true, 8)
	read(WAN, true, 7)
	want(false, keepalive.WANDown)
	read(WAN, true, 1)
	want(true, keepalive.Fine)
}

// C1: a vSocket below 11.0 is never fit for high availability.
func TestOldVersionIsNotFitC1(t *testing.T) {
	for version, fit := range map[site.Version]bool{{Major: 10, Minor: 9}: false, {Major: 11}: true, {Major: 14}: true} {
		j := New(Config{Failures: 4, Recovery: 8, Version: version})
		j.Read(WAN, true)
		j.Read(LAN, true)
		if got, _ := j.Verdict(); got != fit {
			t.Errorf("version %s: fit %v", version, got)
		}
	}
}
