package status

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"releve.dev/releve/site"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// well is the report of a vSocket that has nothing to complain of.
func well(side site.Side, master bool) *Report {
	s := &site.Status{Side: side, Version: site.Release, Role: site.Standby, Master: master, Term: 4, Fit: true,
		HA: site.HAStatus{Configured: true, Ready: true, Indicators: []site.Indicator{
			{Name: "Connected", OK: true}, {Name: "Keepalive", OK: true}, {Name: "Same version", OK: true}, {Name: "Azure", OK: true}, {Name: "Fit", OK: true}}},
		Tunnel: &site.TunnelStatus{PoP: "pop1", Up: true}, Witness: &site.WitnessStatus{OK: true}}
	if master {
		s.Role = site.Active
	}
	return &Report{Serial: "S-" + side.String(), Heard: noon.Add(-time.Second), At: noon.Add(-time.Minute), Status: s}
}

// bad marks an indicator of the vSocket's own.
func bad(r *Report, name, reason string) {
	for i := range r.Status.HA.Indicators {
		if it := &r.Status.HA.Indicators[i]; it.Name == name {
			it.OK, it.Reason = false, reason
		}
	}
}

// F1: HA is Ready only while every indicator is OK, each with its reason; F2: who
// is Master.
func TestReadyF1(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(p, q *Report)
		indicator string // the one that isn't OK; "": Ready
		reason    string
		master    Master
	}{
		"well":           {func(p, q *Report) {}, "", "", IsPrimary},
		"on secondary":   {func(p, q *Report) { p.Status.Master, q.Status.Master = false, true }, "", "", IsSecondary},
		"tunnel down":    {func(p, q *Report) { q.Status.Tunnel.Up, q.Status.Tunnel.Problem = false, "no handshake" }, Connected, "the secondary: no handshake", IsPrimary},
		"tunnel deaf":    {func(p, q *Report) { p.Status.Witness = &site.WitnessStatus{Problem: "no answer"} }, Connected, "the primary: no answer", IsPrimary},
		"silent":         {func(p, q *Report) { q.Heard = noon.Add(-61 * time.Second) }, Connected, "the secondary: nothing heard since 2026-11-26 11:58:59 UTC", IsPrimary},
		"silent Master":  {func(p, q *Report) { p.Heard = noon.Add(-61 * time.Second) }, Connected, "the primary: nothing heard since 2026-11-26 11:58:59 UTC", NoMaster},
		"never heard":    {func(p, q *Report) { *q = Report{Serial: q.Serial} }, Connected, "the secondary: it has never connected", IsPrimary},
		"no keepalive":   {func(p, q *Report) { bad(q, "Keepalive", "nothing heard on the LAN for 4.0 s") }, Keepalive, "the secondary: nothing heard on the LAN for 4.0 s", IsPrimary},
		"no settings":    {func(p, q *Report) { q.Status.HA = site.HAStatus{} }, Keepalive, "the secondary runs without HA settings", IsPrimary},
		"both Master":    {func(p, q *Report) { q.Status.Master = true }, Keepalive, "both vSockets are Master", Both},
		"another major":  {func(p, q *Report) { q.Status.Version.Major++ }, SameVersion, "the primary has version 14.0, the secondary 15.0", IsPrimary},
		"another minor":  {func(p, q *Report) { q.Status.Version.Minor++ }, "", "", IsPrimary},
		"too old":        {func(p, q *Report) { p.Status.Version = site.Version{Major: 10}; q.Status.Version = p.Status.Version }, SameVersion, "the primary's version 10.0 is below 11.0", IsPrimary},
		"Azure":          {func(p, q *Report) { bad(p, "Azure", "denied") }, "Azure", "the primary: denied", IsPrimary},
		"peer isn't fit": {func(p, q *Report) { bad(p, "Fit", "the peer is not fit: WAN down") }, "Fit", "the primary: the peer is not fit: WAN down", IsPrimary},
	} {
		p, q := well(site.Primary, true), well(site.Secondary, false)
		c.change(p, q)
		s := Judge(noon, nil, Input{HA: true, Primary: *p, Secondary: q})
		if s.HA == nil || s.HA.Ready != (c.indicator == "") || s.Master != c.master || s.Type != "Azure vSocket" {
			t.Errorf("%s: %+v, Master %s", name, s.HA, s.Master)
			continue
		}
		for i, want := range []string{"Connected", "Keepalive", "Same version", "Azure", "Fit"} {
			got := s.HA.Indicators[i]
			if got.Name != want || got.OK != (want != c.indicator) && name != "never heard" || got.Name == c.indicator && got.Reason != c.reason {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

// When both are silent, nothing that depends on them is known to be well.
func TestBothSilentF1(t *testing.T) {
	p, q := well(site.Primary, true), well(site.Secondary, false)
	s := Judge(noon.Add(time.Hour), nil, Input{HA: true, Primary: *p, Secondary: q})
	if s.HA.Ready || s.Master != NoMaster || s.Connected || s.HA.Indicators[1].Reason != "neither vSocket is heard" {
		t.Errorf("%+v", s)
	}
}

// F3: before HA is set up each vSocket's connection to the cloud is shown, and HA
// is not applicable.
func TestBeforeSetUpF3(t *testing.T) {
	p, q := well(site.Primary, true), &Report{Serial: "S-secondary"}
	p.Status.HA = site.HAStatus{}
	s := Judge(noon, nil, Input{Primary: *p, Secondary: q})
	if s.HA != nil || s.Primary.Connection != Up || s.Primary.PoP != "pop1" || s.Secondary.Connection != New || !s.Connected || s.Master != IsPrimary ||
		s.Summary != "High availability is not set up." {
		t.Errorf("%+v", s)
	}
	p.Status.Tunnel.Up = false
	s = Judge(noon, nil, Input{Primary: *p})
	if s.Primary.Connection != Down || s.Connected || s.Secondary != nil || s.Summary != "The vSocket is not connected: its tunnel is down." {
		t.Errorf("%+v", s)
	}
	p.Status.Tunnel, p.Status.Witness = nil, nil
	if s = Judge(noon, nil, Input{Primary: *p}); s.Primary.Connection != Plain || !s.Connected {
		t.Errorf("without a cloud: %+v", s)
	}
}

// B7: two vSockets without HA settings are both Master, and the status says so.
func TestBothMasterB7(t *testing.T) {
	p, q := well(site.Primary, true), well(site.Secondary, true)
	p.Status.HA, q.Status.HA, p.Status.Term, q.Status.Term = site.HAStatus{}, site.HAStatus{}, 0, 0
	s := Judge(noon, nil, Input{Primary: *p, Secondary: q})
	if s.Master != Both || s.HA != nil || s.Summary != "Both vSockets are Master, for the site has no HA settings: run the HA set-up." {
		t.Errorf("%+v", s)
	}
	if s = Judge(noon, nil, Input{HA: true, Primary: *p, Secondary: q}); s.HA.Ready || s.Master != Both {
		t.Errorf("%+v", s)
	}
}

// A Master's last word before it died is no split brain; one that goes on saying so
// is.
func TestLastWord(t *testing.T) {
	p, q := well(site.Primary, true), well(site.Secondary, true)
	q.Status.Term = 5
	q.At = noon.Add(-2 * time.Second)
	p.Heard = noon.Add(-3 * time.Second)
	if s := Judge(noon, nil, Input{HA: true, Primary: *p, Secondary: q}); s.Master != IsSecondary || s.Primary.Master {
		t.Errorf("%+v", s)
	}
	p.Heard = q.At.Add(settle + time.Second)
	if s := Judge(noon.Add(10*time.Second), nil, Input{HA: true, Primary: *p, Secondary: q}); s.Master != Both {
		t.Errorf("%+v", s)
	}
	p.Status.Term, p.At, q.Heard = 6, noon, noon
	if s := Judge(noon.Add(time.Second), nil, Input{HA: true, Primary: *p, Secondary: q}); s.Master != IsPrimary {
		t.Errorf("%+v", s)
	}
}

// What stays as it is keeps its time, whatever reasons are given for it.
func TestSince(t *testing.T) {
	p, q := well(site.Primary, true), well(site.Secondary, false)
	in := Input{HA: true, Primary: *p, Secondary: q}
	s := Judge(noon, nil, in)
	bad(q, "Keepalive", "nothing heard on the LAN for 1.0 s")
	s = Judge(noon.Add(10*time.Second), &s, in)
	bad(q, "Keepalive", "nothing heard on the LAN for 11.0 s")
	q.Status.Tunnel.Up = false
	s = Judge(noon.Add(20*time.Second), &s, in)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for name, c := range map[string]struct{ got, want time.Time }{
		"not ready": {s.HA.Since, at(10)}, "connected": {s.HA.Indicators[0].Since, at(20)}, "keepalive": {s.HA.Indicators[1].Since, at(10)},
		"version": {s.HA.Indicators[2].Since, at(0)}, "master": {s.Since, at(0)}, "primary": {s.Primary.Since, at(0)}, "secondary": {s.Secondary.Since, at(20)},
	} {
		if !c.got.Equal(c.want) {
			t.Errorf("%s: since %s, want %s", name, c.got, c.want)
		}
	}
	another := Report{Serial: "S-new", Heard: noon, Status: p.Status}
	if s = Judge(at(30), &s, Input{HA: true, Primary: another, Secondary: q}); !s.Primary.Since.Equal(at(30)) {
		t.Errorf("another vSocket: %+v", s.Primary)
	}
}

// Nothing that Judge says changes before it is due without news: so it needs to be
// asked then alone.
func TestDue(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	report := func() Report {
		r := Report{Serial: "RLV", Here: random.IntN(2) == 0, Heard: noon.Add(-time.Duration(random.IntN(70)) * time.Second)}
		r.At = r.Heard.Add(-time.Duration(random.IntN(10)) * time.Second)
		if random.IntN(4) > 0 {
			r.Status = &site.Status{Version: site.Release, Master: random.IntN(2) == 0, Term: site.Term(random.IntN(2)), HA: site.HAStatus{Configured: true}}
		}
		return r
	}
	judged := func(now time.Time, in Input) Site {
		for _, r := range []*Report{&in.Primary, in.Secondary} {
			if r.Here {
				r.Heard = now
			}
		}
		s := Judge(now, nil, in)
		s.Since, s.HA.Since, s.Primary.Since, s.Secondary.Since = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		s.Primary.Heard, s.Secondary.Heard = time.Time{}, time.Time{}
		for i := range s.HA.Indicators {
			s.HA.Indicators[i].Since = time.Time{}
		}
		return s
	}
	changes := 0
	for range 800 {
		secondary := report()
		in := Input{HA: true, Primary: report(), Secondary: &secondary}
		first := judged(noon, in)
		due := Due(noon, in)
		for after := 500 * time.Millisecond; after < 70*time.Second; after += 500 * time.Millisecond {
			if now := noon.Add(after); !reflect.DeepEqual(judged(now, in), first) {
				if changes++; due.IsZero() || due.After(now) {
					t.Fatalf("changed after %s, due %s: %+v %+v", after, due.Sub(noon), in.Primary, secondary)
				}
				break
			}
		}
	}
	if changes < 30 {
		t.Errorf("only %d changed at all", changes)
	}
}

// Figures are no gist; all that the site's status shows is.
func TestGist(t *testing.T) {
	one := func() *site.Status {
		loss := 1.0
		return &site.Status{Role: site.Standby, Tunnel: &site.TunnelStatus{PoP: "paris", Up: true, Loss: &loss}, HA: site.HAStatus{Indicators: []site.Indicator{{Name: Keepalive, OK: true}}}}
	}
	s := one()
	*s.Tunnel.Loss, s.Tunnel.Sent, s.Gate.ServeMS = 3, 7, 8
	if GistOf(s) != GistOf(one()) {
		t.Error("a figure is gist")
	}
	s = one()
	s.HA.Indicators[0].Reason = "x"
	if g := GistOf(s); g.Facts != GistOf(one()).Facts || g.Words == GistOf(one()).Words {
		t.Error("a reason is words")
	}
	for name, change := range map[string]func(*site.Status){
		"role": func(s *site.Status) { s.Role = site.Active }, "master": func(s *site.Status) { s.Master = true },
		"term": func(s *site.Status) { s.Term = 9 }, "version": func(s *site.Status) { s.Version = site.Release },
		"pop": func(s *site.Status) { s.Tunnel.PoP = "lyon" }, "tunnel": func(s *site.Status) { s.Tunnel.Up = false },
		"indicator": func(s *site.Status) { s.HA.Indicators[0].OK = false }, "HA": func(s *site.Status) { s.HA.Configured = true },
		"none": func(s *site.Status) { s.Tunnel = nil },
	} {
		s := one()
		if change(s); GistOf(s).Facts == GistOf(one()).Facts {
			t.Errorf("%s is none", name)
		}
	}
}
