package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"releve.dev/releve/house/private"
)

func TestMain(m *testing.M) { private.Main(m) }

// What furnishes the manager's data directory makes vSockets that a server of its
// authority takes, and their reports arrive.
func TestVSocketsOfAnEstate(t *testing.T) {
	dir := t.TempDir()
	e, err := furnish(t.Context(), dir, managerSize{vsockets: 6, events: 200})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Sites) != 3 || e.Code == "" {
		t.Fatalf("%d sites, code %q", len(e.Sites), e.Code)
	}
	server, address, err := listenBare(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := openVSockets(dir, address, "both")
	if err != nil {
		t.Fatal(err)
	}
	go v.report()
	if _, err := v.do(order{Do: "connect", For: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	before := server.messages.Load()
	if _, err := v.do(order{Do: "report", Every: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); server.messages.Load() < before+100; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d messages", server.messages.Load()-before)
		}
	}
}

// A line as Go 1.26 writes it.
func TestLiveIn(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	const text = "level=INFO msg=serving\n" +
		"gc 1 @0.011s 4%: 0.039+0.85+0.004 ms clock, 0.078+0.23/0.34/0+0.009 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P\n" +
		"gc 12 @94.6s 2%: 0.11+301+0.05 ms clock, 0.22+5.1/300/0+0.11 ms cpu, 812->830->402 MB, 820 MB goal, 121 MB stacks, 1 MB globals, 2 P (forced)\n"
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if live, err := liveIn(log); err != nil || live != 523<<20 {
		t.Errorf("%v bytes, %v; want 523 MB", live/(1<<20), err)
	}
}
