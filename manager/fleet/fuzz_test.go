package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// sink takes all that it is told.
type sink struct{ kept []events.Sent }

func (*sink) Redeem(context.Context, site.Serial, [20]byte, string) (inventory.VSocket, error) {
	return inventory.VSocket{}, nil
}
func (*sink) Settings(context.Context, site.Serial) (inventory.Settings, error) {
	return inventory.Settings{}, nil
}
func (*sink) Seen(context.Context, site.Serial, site.Version) error { return nil }
func (*sink) Delivered(context.Context, site.Serial, uint64) error  { return nil }
func (*sink) Applied(context.Context, site.Serial, uint64) error    { return nil }
func (*sink) VoidSerials(context.Context) ([]site.Serial, error)    { return nil, nil }
func (s *sink) Keep(_ context.Context, sent []events.Sent) (events.Result, error) {
	s.kept = append(s.kept, sent...)
	return events.Result{}, nil
}

// FuzzTake: whatever a device says in its session, it is handled or refused; it
// keeps events of its own serial number alone, and gets one answer at most.
func FuzzTake(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range []*channel.Up{
		{}, {Message: &channel.Up_Hello{}}, {Message: &channel.Up_Heartbeat{}},
		{Message: &channel.Up_Report{Report: &channel.Report{Status: []byte("{}")}}},
		{Message: &channel.Up_Events{Events: &channel.Events{Batch: 1, Events: []*channel.Event{{Boot: 1, Number: 2, Body: []byte("{}")}, {}}}}},
		{Message: &channel.Up_Applied{Applied: &channel.Applied{Delivered: 3, Applied: 2, Problem: "x"}}},
		{Message: &channel.Up_Renew{Renew: &channel.Renew{Request: request}}},
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	a, err := authority.Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &channel.Up{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		shelf := &sink{}
		c := Config{Authority: a, Inventory: shelf, Events: shelf, Bus: &LocalBus{}, Log: slog.New(slog.DiscardHandler)}
		c.fillIn()
		fleet := &Fleet{c: c, commits: newCommitter(shelf, c.Log), serials: newLimiter(1, 1), devices: map[site.Serial]*device{}}
		s := &session{fleet: fleet, serial: "RLV-1", done: true, out: make(chan *channel.Down, 2), end: make(chan error, 1)}
		fleet.devices[s.serial] = &device{session: s}
		if err := s.take(t.Context(), m); err != nil && channel.ReasonOf(err) == 0 {
			t.Fatalf("%v: %v is no refusal", m, err)
		}
		if len(fleet.commits.queue) > 0 {
			fleet.commits.commit(t.Context(), fleet.commits.gather(<-fleet.commits.queue))
		}
		for _, e := range shelf.kept {
			if e.Serial != "RLV-1" || e.Number == 0 {
				t.Fatalf("kept %+v", e)
			}
		}
		if len(s.out) > 1 {
			t.Fatalf("%d answers to %v", len(s.out), m)
		}
	})
}
