package store_test

import (
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// faulty is a bench whose identity may do everything, to be disturbed.
func faulty(t *testing.T) (b *bench, me store.Principal, inject func(store.Fault) int) {
	b = newBench(t, store.Options{})
	b.grant(sub, "*")
	return b, b.identity(), func(f store.Fault) int {
		t.Helper()
		id, err := b.s.Inject(b.now, f)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
}

// TestSilentFault: no answer and no effect, until its time is over.
func TestSilentFault(t *testing.T) {
	b, me, inject := faulty(t)
	id := inject(store.Fault{Kind: store.FaultSilent, For: store.Span(60 * time.Second)})
	before := b.do("GET", nicP, "", "").ETag
	if answer := b.as(me, "PUT", nicP, "", nicBody("10.102.2.10", "")); !answer.Silent || answer.FaultID != id || !b.s.FaultOn(id) {
		t.Fatalf("%+v", answer)
	}
	if b.do("GET", nicP, "", "").ETag != before {
		t.Fatal("a silent request had an effect")
	}
	b.pass(time.Minute)
	if b.s.FaultOn(id) {
		t.Fatal("the fault did not end")
	}
}

// TestRefusingFaults: errors for the next n matching calls, throttling with
// what is left of its time, permissions taken away.
func TestRefusingFaults(t *testing.T) {
	b, me, inject := faulty(t)
	inject(store.Fault{Kind: store.FaultError, Code: "PrivateIPAddressIsBeingCleanedUp", Method: "PUT", Path: "networkInterfaces/PRIMARY", Count: 2})
	want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	for range 2 {
		want(t, b.as(me, "PUT", nicP, "", nicBody("10.102.2.10", fip)), 400, "PrivateIPAddressIsBeingCleanedUp")
	}
	want(t, b.as(me, "PUT", nicP, "", nicBody("10.102.2.10", fip)), 200, "")
	inject(store.Fault{Kind: store.FaultThrottle, For: store.Span(10 * time.Second)})
	b.pass(3 * time.Second)
	if answer := b.as(me, "GET", nicP, "", ""); answer.Status != 429 || answer.Get("Retry-After") != "7" {
		t.Fatalf("%d %v", answer.Status, answer.Header)
	}
	b.pass(7 * time.Second)
	want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	deny := inject(store.Fault{Kind: store.FaultDeny, Client: "primary", Action: "networkInterfaces/write"})
	want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	want(t, b.as(me, "PUT", nicP, "", nicBody("10.102.2.10", fip)), 403, "AuthorizationFailed")
	b.s.Clear(deny)
	want(t, b.as(me, "PUT", nicP, "", nicBody("10.102.2.10", fip)), 200, "")
	if list := b.s.Faults(); len(list) != 0 {
		t.Fatalf("faults left: %+v", list)
	}
}

// TestAnswerFaults: answers that are lost, old, or late.
func TestAnswerFaults(t *testing.T) {
	b, me, inject := faulty(t)
	inject(store.Fault{Kind: store.FaultLost, Count: 1})
	if answer := b.as(me, "PUT", nicP, "", nicBody("10.102.2.10", "")); !answer.Lost || answer.Status != 200 {
		t.Fatalf("%+v", answer)
	}
	b.pass(time.Second)
	if b.holds(nicP, fip) {
		t.Fatal("the lost answer's effect is missing")
	}
	inject(store.Fault{Kind: store.FaultStale, Latency: store.Span(10 * time.Second), Count: 1})
	if stale := b.as(me, "GET", nicP, "", ""); !strings.Contains(string(stale.Body), fip) {
		t.Fatalf("not stale: %s", stale.Body)
	}
	if fresh := b.as(me, "GET", nicP, "", ""); strings.Contains(string(fresh.Body), fip) {
		t.Fatalf("stale: %s", fresh.Body)
	}
	inject(store.Fault{Kind: store.FaultLatency, Latency: store.Span(3 * time.Second), Count: 1})
	if answer := b.as(me, "GET", nicP, "", ""); answer.Delay < 3*time.Second {
		t.Fatalf("delay %s", answer.Delay)
	}
}

// TestWrongFaults are refused when they are given.
func TestWrongFaults(t *testing.T) {
	b := newBench(t, store.Options{})
	for _, f := range []store.Fault{{Kind: "weird"}, {Kind: store.FaultError}, {Kind: store.FaultThrottle}, {Kind: store.FaultSilent, Count: 1}, {Kind: store.FaultLost, Count: -1}} {
		if _, err := b.s.Inject(0, f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}
