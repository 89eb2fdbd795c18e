package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// effects are all ports at once: each writes down what was done.
type effects struct{ done *[]string }

func (e effects) do(what string)               { *e.done = append(*e.done, what) }
func (e effects) Send(keepalive.Path, []byte)  { e.do("sent") }
func (e effects) Serve(time.Duration) error    { e.do("serve"); return nil }
func (e effects) Drain(time.Duration) error    { e.do("drain"); return nil }
func (e effects) Down(bool) error              { e.do("down"); return nil }
func (e effects) FloatingIP(bool) error        { e.do("address"); return nil }
func (e effects) Addresses([]netip.Addr) error { e.do("addresses"); return nil }
func (e effects) Save([]byte) error            { e.do("saved"); return nil }
func (e effects) Load() ([]byte, bool, error)  { return nil, false, nil }

// A lab is asked before each effect that leaves something behind, and never
// for one that only repeats what is so already.
func TestTheLabIsAskedBeforeEachStep(t *testing.T) {
	var done []string
	now := time.Minute
	mac := auth.NewHMAC(make([]byte, 32))
	s := &stepwise{mac: mac, clock: func() time.Duration { return now }, ask: func(step string) { done = append(done, "? "+step) }}
	e := effects{&done}
	p := s.wrap(agent.Ports{Links: e, Gate: e, Guest: e, Store: e})
	say := func(m keepalive.Message) func() error {
		return func() error {
			for path := range keepalive.Paths {
				m.Path, m.From, m.Third, m.Version = path, site.Primary, keepalive.ARM, site.Release
				p.Links.Send(path, keepalive.Append(nil, &m, mac))
			}
			return nil
		}
	}
	for _, c := range []struct {
		name string
		act  func() error
		want []string
	}{
		{"a state", func() error { return p.Store.Save(nil) }, []string{"? save", "saved"}},
		{"an address", func() error { return p.Guest.FloatingIP(true) }, []string{"? address-on", "address"}},
		{"a change of addresses", func() error { return p.Guest.Addresses(nil) }, []string{"? addresses", "addresses"}},
		{"the way down", func() error { return p.Gate.Down(false) }, []string{"? down-off", "down"}},
		{"a gate that is closed already", func() error { return p.Gate.Serve(0) }, []string{"serve"}},
		{"a gate that opens", func() error { return p.Gate.Serve(now + time.Second) }, []string{"? serve-on", "serve"}},
		{"a renewal", func() error { return p.Gate.Serve(now + 2*time.Second) }, []string{"serve"}},
		{"a gate that closes", func() error { return p.Gate.Serve(0) }, []string{"? serve-off", "serve"}},
		{"the drain", func() error { return p.Gate.Drain(now + time.Second) }, []string{"? drain-on", "drain"}},
		{"news", say(keepalive.Message{Role: site.Active, Fit: true, Seq: 1}), []string{"? says-active", "sent", "sent"}},
		{"no news", say(keepalive.Message{Role: site.Active, Fit: true, Seq: 2, Sent: time.Second}), []string{"sent", "sent"}},
		{"more news", say(keepalive.Message{Role: site.Standby, Yielded: 3, Seq: 3}), []string{"? says-standby-unfit-yielded", "sent", "sent"}},
		{"a new term", say(keepalive.Message{Role: site.Standby, Yielded: 3, Seq: 4, Granted: site.Claim{Term: 4}}),
			[]string{"? says-standby-unfit-yielded", "sent", "sent"}},
		{"a write", func() error { s.put(steer.Request{Op: steer.Put, Target: steer.PeerNIC}, ""); return nil }, []string{"? put-peer-nic"}},
		{"its answer", func() error { s.put(steer.Request{Op: steer.Put}, "-answered"); return nil }, []string{"? put-own-nic-answered"}},
		{"a read", func() error { s.put(steer.Request{Op: steer.Get}, ""); return nil }, nil},
	} {
		done = nil
		if err := c.act(); err != nil || !slices.Equal(done, c.want) {
			t.Errorf("%s: %q, want %q (error %v)", c.name, done, c.want, err)
		}
	}
}

// Without a lab nothing stands between the agent and its ports.
func TestWithoutALabNobodyIsAsked(t *testing.T) {
	s, err := newStepwise(func() error { return nil }, auth.NewHMAC(make([]byte, 32)))
	if s != nil || err != nil {
		t.Fatalf("stepwise %v, error %v", s, err)
	}
	var done []string
	e := effects{&done}
	p := s.wrap(agent.Ports{Links: e, Gate: e, Guest: e, Store: e})
	if p.Links != agent.Links(e) || p.Gate != agent.Gate(e) || p.Guest != agent.Guest(e) || p.Store != agent.Store(e) {
		t.Errorf("ports %+v", p)
	}
	s.put(steer.Request{Op: steer.Put}, "")
}
