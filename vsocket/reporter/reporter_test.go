package reporter

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

type sink struct{ changed []bool }

func (s *sink) Report(_ []byte, changed bool) { s.changed = append(s.changed, changed) }

// bench is an agent whose status a test sets, and a reporter that looks at it.
type bench struct {
	*Reporter
	sink   sink
	spool  *spool.Spool
	status site.Status
	absent error
	at     time.Duration
}

func open(t *testing.T, folder, events *power.Folder, boot uint64) *bench {
	t.Helper()
	b := &bench{}
	var err error
	if b.spool, err = spool.Open(events, spool.Options{Boot: boot}); err != nil {
		t.Fatal(err)
	}
	b.Reporter, err = New(Config{
		Self: event.Self{Serial: "RLV-TEST-0000", Boot: "01"}, Limits: event.Defaults(), Folder: folder, Spool: b.spool, Sink: &b.sink,
		Log: slog.New(slog.DiscardHandler), Assigned: func(*site.Status) event.Assigned { return event.Assigned{} },
		Status: func(context.Context) (site.Status, error) { return b.status, b.absent },
		Now:    func() event.Now { return event.Now{At: b.at, Wall: time.Unix(1_800_000_000, 0).Add(b.at)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.status = site.Status{Site: "paris", Side: site.Secondary, Boot: "0000000000000001", Version: site.Release, Role: site.Standby,
		HA: site.HAStatus{Configured: true, Ready: true}, Peer: site.PeerStatus{Heard: true, Role: site.Active}}
	return b
}

func (b *bench) look(t *testing.T, seconds int) {
	t.Helper()
	for range seconds {
		b.at += Interval
		if err := b.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) kinds(t *testing.T) (kinds []event.Kind) {
	t.Helper()
	b.spool.Rewind()
	records, err := b.spool.Take(100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		e, err := event.Decode(record.Body)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind.HA() != (record.Class == spool.HA) {
			t.Errorf("%s is of class %s", e.Kind, record.Class)
		}
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func count(kinds []event.Kind, kind event.Kind) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// F9: a failover becomes one event, which is on the disk before a power loss, and
// isn't told again by the next life.
func TestFailOverOnceOverPowerLossF9(t *testing.T) {
	folder, events := power.New(), power.New()
	b := open(t, folder, events, 1)
	b.look(t, 3)
	b.status.Role, b.status.Master, b.status.Term = site.Active, true, 7
	b.status.Peer = site.PeerStatus{}
	b.look(t, 60)
	if n := count(b.kinds(t), event.FailOver); n != 1 {
		t.Fatalf("%d failovers told: %v", n, b.kinds(t))
	}
	random := rand.New(rand.NewPCG(1, 2))
	again := open(t, folder.Cut(random), events.Cut(random), 2)
	again.status, again.at = b.status, b.at
	again.look(t, 60)
	if n := count(again.kinds(t), event.FailOver); n != 1 {
		t.Errorf("%d failovers after a power loss: %v", n, again.kinds(t))
	}
}

// What doesn't matter isn't pressed on the manager; a change of the role is, and
// an agent that doesn't answer is no event.
func TestOnlyWhatMattersIsPressed(t *testing.T) {
	b := open(t, power.New(), power.New(), 1)
	b.look(t, 1)
	b.status.Gate.ServeMS = 12
	b.look(t, 1)
	b.absent = errors.New("no agent")
	b.look(t, 1)
	b.absent, b.status.Role = nil, site.Claiming
	b.look(t, 1)
	want := []bool{true, false, true}
	if len(b.sink.changed) != len(want) || b.sink.changed[0] != want[0] || b.sink.changed[1] != want[1] || b.sink.changed[2] != want[2] {
		t.Errorf("reports %v, want %v", b.sink.changed, want)
	}
}

// What the agent has done is told at once, not with the next second's look.
func TestAStirredAgentIsLookedAtAtOnce(t *testing.T) {
	b := open(t, power.New(), power.New(), 1)
	synctest.Test(t, func(t *testing.T) {
		stirred := make(chan struct{})
		b.c.Stirred = stirred
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go b.Run(ctx)
		synctest.Wait()
		b.status.Role = site.Claiming
		began := time.Now()
		stirred <- struct{}{}
		synctest.Wait()
		if waited := time.Since(began); len(b.sink.changed) != 2 || !b.sink.changed[1] || waited != 0 {
			t.Errorf("reports %v after %s", b.sink.changed, waited)
		}
		stop()
		synctest.Wait()
	})
}
