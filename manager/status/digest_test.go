package status

import (
	"encoding/json"
	"testing"

	"releve.dev/releve/site"
)

func full() *site.Status {
	one, loss := 1.5, 0.0
	return &site.Status{Site: "paris", Side: site.Primary, Version: site.Release, Summary: "Master.", Role: site.Active, Master: true, Term: 7,
		HA:       site.HAStatus{Configured: true, Ready: true, Indicators: []site.Indicator{{Name: Keepalive, OK: true, Since: 61.2}, {Name: `odd "name\`, OK: true}}},
		Peer:     site.PeerStatus{Heard: true, AgeMS: map[string]float64{"lan": 12.1, "mgmt": 14}},
		Received: site.Received{Good: 12}, Tunnel: &site.TunnelStatus{PoP: "pop1", Up: true, Received: 1, Latency: &one, Loss: &loss}, Witness: &site.WitnessStatus{OK: true}}
}

func digest(t testing.TB, change func(*site.Status)) uint64 {
	t.Helper()
	s := full()
	change(s)
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return Digest(raw)
}

// Reports that differ in figures have one digest; those that differ in anything of
// the gist have not.
func TestDigest(t *testing.T) {
	base := digest(t, func(*site.Status) {})
	other := 3e9
	for name, change := range map[string]func(*site.Status){
		"since": func(s *site.Status) { s.HA.Indicators[0].Since = 5000 }, "age": func(s *site.Status) { s.Peer.AgeMS["lan"] = 0 },
		"keepalives": func(s *site.Status) { s.Received.Good++ }, "bytes": func(s *site.Status) { s.Tunnel.Received = 1 << 60 },
		"latency": func(s *site.Status) { s.Tunnel.Latency = &other },
	} {
		if digest(t, change) != base {
			t.Errorf("%s is no figure", name)
		}
	}
	for name, change := range map[string]func(*site.Status){
		"role": func(s *site.Status) { s.Role = site.Standby }, "master": func(s *site.Status) { s.Master = false }, "term": func(s *site.Status) { s.Term = 70 },
		"version": func(s *site.Status) { s.Version.Minor++ }, "pop": func(s *site.Status) { s.Tunnel.PoP = "pop2" }, "tunnel": func(s *site.Status) { s.Tunnel = nil },
		"witness": func(s *site.Status) { s.Witness.OK = false }, "indicator": func(s *site.Status) { s.HA.Indicators[1].OK = false },
		"reason": func(s *site.Status) { s.HA.Indicators[1].Reason = "4.0 s" }, "fit": func(s *site.Status) { s.Fit = true },
		"problem": func(s *site.Status) { s.Tunnel.Problem = "x" }, "HA": func(s *site.Status) { s.HA.Configured = false },
	} {
		if digest(t, change) == base {
			t.Errorf("%s is a figure", name)
		}
	}
}

// FuzzDigest: two reports with the same digest have the same gist, whatever they
// are.
func FuzzDigest(f *testing.F) {
	raw, err := json.Marshal(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, raw)
	f.Add([]byte(`{"term":1,"x":"\"term\"","y":5}`), []byte(`{"term":1,"x":"\"term\"","y":6}`))
	f.Add([]byte(`{"term": 1`), []byte(`{"term": 2`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if Digest(a) != Digest(b) {
			return
		}
		var x, y site.Status
		if json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && GistOf(&x) != GistOf(&y) {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	raw, err := json.Marshal(full())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			Digest(raw)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			var s site.Status
			if err := json.Unmarshal(raw, &s); err != nil {
				b.Fatal(err)
			}
			GistOf(&s)
		}
	})
}
