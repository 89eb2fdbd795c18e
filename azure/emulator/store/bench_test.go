package store_test

import (
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

// BenchmarkGet and BenchmarkMove are what the simulator pays: it runs
// thousands of simulated hours.
func BenchmarkGet(b *testing.B) {
	s := newBench(b, store.Options{})
	me := s.identity()
	s.grant(sub, "*")
	for b.Loop() {
		s.pass(time.Second)
		if s.as(me, "GET", nicP+"?api-version=1", "", "").Status != 200 {
			b.Fatal("refused")
		}
	}
}

func BenchmarkMove(b *testing.B) {
	s := newBench(b, store.Options{Profile: profile.Classic})
	with, without := nicBody("10.102.2.10", fip), nicBody("10.102.2.10", "")
	for b.Loop() {
		for _, body := range []string{without, with} {
			if s.do("PUT", nicP+"?api-version=1", "", body).Status != 200 {
				b.Fatal("refused")
			}
			s.pass(2 * time.Minute)
			s.s.Plane()
		}
	}
}
