package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/site"
)

// sink takes all that it is told.
type sink struct{ kept []events.Sent }

func (*sink) Redeem(context.Context, site.Serial, [20]byte, string) (inventory.VSocket, error) {
	return inventory.VSocket{}, nil
}
func (*sink) Generation(context.Context, site.Serial, bool) (uint64, error) { return 1, nil }
func (*sink) Settings(context.Context, site.Serial) (inventory.Settings, error) {
	return inventory.Settings{}, nil
}
func (*sink) PoPSettings(context.Context, site.Serial) (inventory.PoPSettings, error) {
	return inventory.PoPSettings{}, nil
}
func (*sink) Told(context.Context, site.Serial, inventory.Local) error       { return nil }
func (*sink) PoPTold(context.Context, site.Serial, inventory.LocalPoP) error { return nil }
func (*sink) Note(context.Context, ...inventory.Note) error                  { return nil }
func (*sink) VoidSerials(context.Context) ([]site.Serial, error)             { return nil, nil }
func (s *sink) Keep(_ context.Context, sent []events.Sent) (events.Result, error) {
	s.kept = append(s.kept, sent...)
	return events.Result{}, nil
}

// noStories keeps no takeovers.
type noStories struct{}

func (noStories) Keep(_ context.Context, sent []takeovers.Sent) (int, error) { return len(sent), nil }

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
		{Message: &channel.Up_Events{Events: &channel.Events{Batch: 1, Events: []*channel.Event{{Boot: 1, Number: 2, Body: []byte("{}")}, {Boot: 1, Number: 3, Takeover: []byte("{}")}, {}}}}},
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
		fleet := &Fleet{c: c, commits: newCommitter(mostEvents, keepTold(shelf, noStories{}, c.Log)), notes: newCommitter(mostNotes, keepNotes(shelf)), serials: newLimiter(1, 1), devices: map[site.Serial]*device{}}
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

// FuzzLocal: what is taken of a device's Hello can be kept, and is given to others
// as it was.
func FuzzLocal(f *testing.F) {
	whole := make([]byte, 32)
	whole[0] = 1
	for _, m := range []*channel.Hello{
		{}, {Local: &channel.Local{}, Pop: &channel.LocalPoP{}},
		{Local: &channel.Local{LanIp: "10.0.2.4", MgmtIp: "10.0.3.4", TunnelKey: whole}},
		{Local: &channel.Local{LanIp: "::1"}},
		{Pop: &channel.LocalPoP{Endpoint: "203.0.113.30", PrimaryPort: 51820, SecondaryPort: 51821, PublicKey: whole, Witness: "100.64.0.1:20481"}},
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &channel.Hello{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		if l, err := readLocal(m.GetLocal()); err == nil {
			again, err := readLocal(&channel.Local{LanIp: text(l.LANIP), MgmtIp: text(l.MGMTIP), TunnelKey: key(l.TunnelKey)})
			if err != nil || again != l {
				t.Fatalf("%+v is read as %+v, %v", l, again, err)
			}
		}
		if l, err := readLocalPoP(m.GetPop()); err == nil {
			c := cloud(&inventory.Cloud{PoPs: []inventory.PoP{{Told: l}}}, site.Secondary)
			if p := c.Pops[0]; len(p.PublicKey) != 32 || p.Endpoint != fmt.Sprintf("%s:%d", l.Endpoint, m.Pop.SecondaryPort) || p.Witness != l.Witness.String() {
				t.Fatalf("%+v is given as %+v", l, p)
			}
		}
	})
}
