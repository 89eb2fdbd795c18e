package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/record"
	"releve.dev/releve/wire/witness"
)

// Config is all that a driver must know.
type Config struct {
	Site       string
	FloatingIP netip.Addr
	HA         ha.Config
	Steer      steer.Config
	Fitness    fitness.Config
}

// Ports are the driver's ways out.
type Ports struct {
	Links    Links
	Witness  Witness // nil: ARM is the third
	Gate     Gate
	Guest    Guest
	Cloud    Cloud
	Metadata Metadata
	Store    Store
	Journal  Journal
	Recorder Recorder // nil: nothing is recorded
	MAC      auth.MAC
	Sealed   auth.MAC         // of the talk with the witness
	Wall     func() time.Time // for the journal and the record only
}

// Driver runs the core. Time is given with each call, on the agent's clock,
// which must be above zero.
type Driver struct {
	cfg   Config
	ports Ports
	boot  site.BootID
	tape  *tape // nil: nothing is recorded
	ha    *ha.Machine
	steer *steer.Machine
	judge *fitness.Judge

	in       keepalive.Message
	reply    witness.Reply
	out      []byte
	events   []ha.Event // of the steering, for the role machine
	now      time.Duration
	received site.Received
	since    map[string]indicator
	lookAt   time.Duration // when the indicators are looked at again
	stopped  bool
	failed   error
}

type indicator struct {
	ok bool
	at time.Duration
}

// NewDriver loads the state that outlived the last boot. boot and nonce are
// random.
func NewDriver(cfg Config, ports Ports, boot site.BootID, nonce uint64, now time.Duration) (*Driver, error) {
	state, kept, err := load(ports.Store)
	if err != nil {
		return nil, err
	}
	if state != nil {
		cfg.Steer.Known = state.Floating
	}
	d := &Driver{
		cfg: cfg, ports: ports, boot: boot, now: now,
		ha:    ha.New(cfg.HA, boot, nonce, state, now),
		steer: steer.New(cfg.Steer),
		judge: fitness.New(cfg.Fitness),
		since: map[string]indicator{},
	}
	if ports.Recorder != nil {
		d.tape, err = newTape(d, kept, nonce)
	}
	return d, err
}

// load gives nil for a state that isn't there or isn't valid: such a vSocket
// is mute until the third has told it the term (R0). kept is what was there.
func load(store Store) (state *ha.State, kept []byte, err error) {
	kept, ok, err := store.Load()
	if err != nil {
		return nil, nil, fmt.Errorf("state: %w", err)
	}
	if !ok {
		return nil, nil, nil
	}
	decoded, ok := ha.DecodeState(kept)
	if !ok {
		return nil, kept, nil
	}
	return &decoded, kept, nil
}

// Start is the first call.
func (d *Driver) Start(now time.Duration) {
	d.tape.plain(record.Start, now)
	d.now = now
	d.carryOut(d.ha.Start(now))
	d.settle()
}

// Datagram takes one from the wire. What can't be believed is counted.
func (d *Driver) Datagram(now time.Duration, path keepalive.Path, datagram []byte) {
	err := keepalive.Decode(datagram, &d.in, d.ports.MAC)
	switch {
	case err == nil && d.in.Path == path && d.ha.Fresh(&d.in):
		d.tape.datagram(now, datagram)
		d.received.Good++
		d.step(now, ha.Heard{Message: &d.in})
	case err == nil && d.in.Path == path:
		d.received.Replayed++
	case errors.Is(err, keepalive.ErrForged):
		d.received.Forged++
	default:
		d.received.Malformed++
	}
}

// Reply takes a datagram of the witness's.
func (d *Driver) Reply(now time.Duration, datagram []byte) {
	switch err := witness.DecodeReply(datagram, &d.reply, d.ports.Sealed); {
	case err == nil && d.ha.Believable(&d.reply):
		d.tape.reply(now, datagram)
		d.received.Good++
		d.step(now, ha.Told{Reply: &d.reply})
	case err == nil:
		d.received.Replayed++
	case errors.Is(err, witness.ErrForged):
		d.received.Forged++
	default:
		d.received.Malformed++
	}
}

// Tick: the time that Next named has come, and late by how much.
func (d *Driver) Tick(now, late time.Duration) {
	d.tape.tick(now, late)
	d.now = now
	d.watchIndicators(now)
	if now >= d.ha.Next() {
		d.step(now, ha.Tick{Late: late})
	}
	if now >= d.steer.Next() {
		d.steered(d.steer.Tick(now))
		d.settle()
	}
}

// Next is when the driver wants its next Tick.
func (d *Driver) Next() time.Duration { return min(d.ha.Next(), d.steer.Next()) }

// Response takes what became of a call to ARM.
func (d *Driver) Response(now time.Duration, response *steer.Response) {
	d.tape.response(now, response)
	d.now = now
	d.steered(d.steer.Answer(now, response))
	d.settle()
}

// MetadataRead takes IMDS's answer. A failed read says nothing.
func (d *Driver) MetadataRead(now, sentAt time.Duration, mine bool, err error) {
	if err == nil {
		d.tape.metadata(now, sentAt, mine)
		d.step(now, ha.Metadata{SentAt: sentAt, Mine: mine})
	}
}

// Reading takes a probe's result.
func (d *Driver) Reading(now time.Duration, kind fitness.Kind, ok bool) {
	d.tape.reading(now, kind, ok)
	d.judge.Read(kind, ok)
	fit, reason := d.judge.Verdict()
	d.step(now, ha.Fitness{Fit: fit, Reason: reason})
}

// Configure changes the settings while it runs (R14): to some that its role machine
// takes (ha.Config.Takes).
func (d *Driver) Configure(now time.Duration, cfg ha.Config) {
	d.tape.configure(now, &cfg)
	d.step(now, ha.Configure{Config: cfg})
}

// Agreed reports whether the peer goes by settings of the same generation.
func (d *Driver) Agreed() bool { return d.ha.Agreed() }

// Resting and Alone report whether this driver may be left for another one: as a
// standby on which nothing hangs, or as the active of a pair that has no other.
func (d *Driver) Resting(now time.Duration) bool { return d.ha.Resting(now) }

// Alone is described with Resting.
func (d *Driver) Alone(now time.Duration) bool { return d.ha.Alone(now) }

// Stop asks for a clean end; a second time, for an end at once.
func (d *Driver) Stop(now time.Duration) {
	d.tape.plain(record.Stop, now)
	d.step(now, ha.Stop{})
}

// Close hands over the last of the record. It is the last call.
func (d *Driver) Close() { d.tape.close() }

// Stopped reports whether the agent may end, and the error that ended it.
func (d *Driver) Stopped() (bool, error) { return d.stopped, d.failed }

func (d *Driver) step(now time.Duration, event ha.Event) {
	d.now = now
	d.carryOut(d.ha.Step(now, event))
	d.settle()
}

// settle hands the steering's events to the role machine until there are none.
func (d *Driver) settle() {
	for i := 0; i < len(d.events) && !d.stopped; i++ {
		d.carryOut(d.ha.Step(d.now, d.events[i]))
	}
	d.events = d.events[:0]
}

func (d *Driver) carryOut(actions []ha.Action) {
	for _, action := range actions {
		if d.stopped {
			return
		}
		if err := d.act(action); err != nil {
			d.fail(err)
		}
	}
}

// act does one thing. An error is one that this vSocket can't serve with.
func (d *Driver) act(action ha.Action) error {
	switch a := action.(type) {
	case ha.Question:
		d.out = witness.AppendQuestion(d.out[:0], a.Question, d.ports.Sealed)
		d.ports.Witness.Ask(d.out)
	case ha.UsePoP:
		d.ports.Witness.Use(a.PoP)
	case ha.Retry:
		d.ports.Witness.Retry()
	case ha.Send:
		d.send(a.Message)
	case ha.Serve:
		return d.ports.Gate.Serve(a.Until)
	case ha.Drain:
		return d.ports.Gate.Drain(a.Until)
	case ha.Down:
		return d.ports.Gate.Down(a.Open)
	case ha.FloatingIP:
		return d.ports.Guest.FloatingIP(a.On)
	case ha.Save:
		return d.ports.Store.Save(a.State.Encode())
	case ha.Steer:
		d.steered(d.steer.SetGoal(d.now, a.Goal))
	case ha.ReadMetadata:
		d.ports.Metadata.Start()
	case ha.Note:
		d.note(a.What, a.Detail)
	case ha.Stopped:
		d.stopped = true
	}
	return nil
}

func (d *Driver) steered(actions []steer.Action) {
	for _, action := range actions {
		switch a := action.(type) {
		case steer.Call:
			d.ports.Cloud.Start(a.Request)
		case steer.Tell:
			d.events = append(d.events, a.Event)
		case steer.Note:
			d.note(a.What, a.Detail)
		case steer.Guest:
			if err := d.ports.Guest.Addresses(a.Addresses); err != nil && !d.stopped {
				d.fail(err)
			}
		}
	}
}

// fail ends an agent that can't keep its promises any more: the gates are
// closed as far as they let themselves be, and the peer takes over.
func (d *Driver) fail(err error) {
	d.stopped, d.failed = true, err
	d.note("failed", err.Error())
	for _, closing := range [...]func() error{
		func() error { return d.ports.Gate.Serve(0) },
		func() error { return d.ports.Gate.Drain(0) },
		func() error { return d.ports.Gate.Down(false) },
	} {
		if err := closing(); err != nil {
			d.note("failed", err.Error())
		}
	}
}

func (d *Driver) send(message *keepalive.Message) {
	for path := range keepalive.Paths {
		message.Path = path
		d.out = keepalive.Append(d.out[:0], message, d.ports.MAC)
		d.ports.Links.Send(path, d.out)
	}
}

func (d *Driver) note(what, detail string) {
	d.ports.Journal.Append(site.Entry{
		Wall: d.ports.Wall(), At: d.now, Who: d.cfg.HA.Side.String(), What: what, Detail: detail,
	})
}
