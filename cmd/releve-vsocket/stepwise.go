package main

import (
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/steps"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// stepwise asks a lab before each step of the agent that leaves something
// behind when the agent is killed: a state kept, a gate or address changed, a
// write to Azure, its answer taken in, news told to the peer. What leaves
// nothing is no step: a read, a keepalive or a renewal that says what the one
// before said.
type stepwise struct {
	ask   func(step string)
	clock func() time.Duration
	mac   auth.MAC

	serve, drain time.Duration
	said         news
	in           keepalive.Message
}

// news is what a keepalive may change at the peer, besides its being heard.
type news struct {
	granted                 site.Claim
	role                    site.Role
	fit, steered, wants     bool
	yielded, prepare, ready site.Term
}

// newStepwise gives nil where no lab is to be asked. Before a step the journal
// is written, so that a lab reads all of it after a kill.
func newStepwise(sync func() error, mac auth.MAC) (*stepwise, error) {
	asker, err := steps.FromEnv()
	if asker == nil || err != nil {
		return nil, err
	}
	return &stepwise{clock: agent.BootClock, mac: mac, ask: func(step string) {
		_ = sync() // what fails is told when the journal is closed
		asker.Ask(step)
	}}, nil
}

// wrap puts the question before the ports' effects.
func (s *stepwise) wrap(p agent.Ports) agent.Ports {
	if s != nil {
		p.Links, p.Gate, p.Guest, p.Store = stepLinks{p.Links, s}, stepGate{p.Gate, s}, stepGuest{p.Guest, s}, stepStore{p.Store, s}
	}
	return p
}

// put asks before a write to Azure leaves, or before its answer is taken in.
func (s *stepwise) put(request steer.Request, what string) {
	if s != nil && request.Op == steer.Put {
		s.ask("put-" + strings.ReplaceAll(strings.ToLower(request.Target.String()), " ", "-") + what)
	}
}

type stepLinks struct {
	agent.Links
	*stepwise
}

func (l stepLinks) Send(path keepalive.Path, datagram []byte) {
	if path == 0 { // one question a message, not one a path
		l.send(datagram)
	}
	l.Links.Send(path, datagram)
}

func (s *stepwise) send(datagram []byte) {
	m := &s.in
	if keepalive.Decode(datagram, m, s.mac) != nil {
		return // of the driver's own making: it can be read
	}
	now := news{m.Granted, m.Role, m.Fit, m.Steered, m.Wants, m.Yielded, m.Prepare, m.Ready}
	if now != s.said {
		s.said = now
		s.ask(now.String())
	}
}

// String is the news as a step's name.
func (n news) String() string {
	text := "says-" + n.role.String()
	for _, word := range []struct {
		on   bool
		word string
	}{{!n.fit, "unfit"}, {n.steered, "steered"}, {n.wants, "wants"}, {n.prepare != 0, "prepare"}, {n.ready != 0, "ready"}, {n.yielded != 0, "yielded"}} {
		if word.on {
			text += "-" + word.word
		}
	}
	return text
}

type stepGate struct {
	agent.Gate
	*stepwise
}

func (g stepGate) Serve(until time.Duration) error {
	g.gate("serve", &g.serve, until)
	return g.Gate.Serve(until)
}

func (g stepGate) Drain(until time.Duration) error {
	g.gate("drain", &g.drain, until)
	return g.Gate.Drain(until)
}

func (g stepGate) Down(open bool) error {
	g.ask("down-" + onOff(open))
	return g.Gate.Down(open)
}

// gate asks before an opening or a closing; a renewal is none.
func (s *stepwise) gate(name string, was *time.Duration, until time.Duration) {
	now := s.clock()
	open := until > now
	if open != (*was > now) {
		s.ask(name + "-" + onOff(open))
	}
	*was = until
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

type stepGuest struct {
	agent.Guest
	*stepwise
}

func (g stepGuest) Addresses(list []netip.Addr) error {
	g.ask("addresses")
	return g.Guest.Addresses(list)
}

func (g stepGuest) FloatingIP(on bool) error {
	g.ask("address-" + onOff(on))
	return g.Guest.FloatingIP(on)
}

type stepStore struct {
	agent.Store
	*stepwise
}

func (s stepStore) Save(record []byte) error {
	s.ask("save")
	return s.Store.Save(record)
}
