package main

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// Of a report that says what was said before, with other figures, at most its
// figures are read; of one with other words, all is.
func TestWorthReading(t *testing.T) {
	began := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	said := func(at time.Duration, reason string, bytes uint64) *fleet.Device {
		s := site.Status{HA: site.HAStatus{Indicators: []site.Indicator{{Name: "Keepalive", Reason: reason}}}, Tunnel: &site.TunnelStatus{Received: bytes}}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return &fleet.Device{Serial: "one", Connected: true, Since: began, Status: text, Reported: began.Add(at)}
	}
	var n news
	for _, step := range []struct {
		at     time.Duration
		reason string
		is     worth
	}{
		{0, "", everything},
		{time.Second, "", nothing},
		{time.Minute, "", figures},
		{61 * time.Second, "", nothing},
		{62 * time.Second, "nothing heard for 3 s", everything},
		{63 * time.Second, "nothing heard for 4 s", everything},
		{64 * time.Second, "nothing heard for 4 s", nothing},
		{123 * time.Second, "nothing heard for 4 s", figures},
	} {
		d := said(step.at, step.reason, uint64(step.at))
		if is := n.of(d); is != step.is {
			t.Errorf("at %v, %q: %d, want %d", step.at, step.reason, is, step.is)
		}
	}
}

// The figures that are read alone are those that reading everything gives.
func TestSampledIsTheSameSample(t *testing.T) {
	latency := 12.5
	s := site.Status{Role: site.Active, Master: true, Boot: "b", Witness: &site.WitnessStatus{OK: true},
		Tunnel: &site.TunnelStatus{Up: true, Received: 5, Sent: 6, ReceivedRate: 7, Latency: &latency}}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var some sampled
	if err := json.Unmarshal(text, &some); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1, 0)
	if got, want := status.SampleOf(at, some.status()), status.SampleOf(at, &s); !reflect.DeepEqual(got, want) {
		t.Errorf("sample %+v, want %+v", got, want)
	}
	if got, _ := status.CounterOf(at, some.status()); got != (status.Counter{At: at, Boot: "b", Received: 5, Sent: 6}) {
		t.Errorf("counter %+v", got)
	}
}
