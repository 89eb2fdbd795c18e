package channel

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/channel/streams"
	"releve.dev/releve/vsocket/spool"
)

// session is one Converse: this goroutine sends, another receives.
type session struct {
	*Channel
	stream *connect.BidiStreamForClient[contract.Up, contract.Down]
	say    func(*contract.Up) error // the stream's Send
	alive  *time.Timer              // ends the session when the manager is silent
	silent atomic.Int64             // how long the manager may be silent
	down   chan *contract.Down

	batch   uint64
	flying  map[uint64][]spool.Record // by batch, until acknowledged
	told    *contract.Applied         // what was said last
	live    *time.Ticker              // nil: nobody looks
	beat    *time.Ticker
	quiet   bool // nothing was said since the last beat
	streams *streams.Mux
	renewal *ecdsa.PrivateKey
	spread  time.Duration // of GoAway
}

// How long a session takes to begin, and how long it waits for the manager's
// Welcome.
const beginWithin = 30 * time.Second

// takeBytes is how much of events is in a batch, far below what a message may be.
const takeBytes = 256 << 10

var (
	errSilent = errors.New("the manager is silent")
	errGoAway = errors.New("the manager has asked to come back later")
)

// session lasts until it is over. wait is given if the manager asks for it.
func (c *Channel) session(ctx context.Context) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock()
	config := c.identity.TLS(c.tickets)
	c.mu.Unlock()
	carrier := line.Carry(c.c.Manager, c.c.Dial, config, contract.MaxMessage)
	defer carrier.Close()
	s := &session{
		Channel: c, stream: carrier.Client.Converse(ctx), down: make(chan *contract.Down),
		alive: time.AfterFunc(beginWithin, func() { cancel(errSilent) }), flying: map[uint64][]spool.Record{},
		streams: streams.New(c.serve()),
	}
	defer s.streams.Close()
	defer s.alive.Stop()
	s.say = s.stream.Send
	s.silent.Store(int64(beginWithin))
	over := make(chan error, 1)
	go func() { over <- s.receive(ctx) }()
	err = s.run(ctx, over)
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		err = cause
	}
	cancel(err)
	carrier.Close()
	return s.spread, err
}

func (s *session) receive(ctx context.Context) error {
	for {
		m, err := s.stream.Receive()
		if err != nil {
			return err
		}
		s.alive.Reset(time.Duration(s.silent.Load()))
		select {
		case s.down <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *session) run(ctx context.Context, over <-chan error) error {
	if err := s.begin(ctx, over); err != nil {
		return err
	}
	defer s.beat.Stop()
	defer s.look(0)
	for {
		var err error
		select {
		case err = <-over:
		case <-ctx.Done():
			err = ctx.Err()
		case m := <-s.down:
			err = s.hear(m)
		case <-s.c.Spool.Fresh():
			err = s.upload()
		case <-s.poke:
			err = s.tell(false)
		case <-s.looks():
			err = s.tell(true)
		case <-s.beat.C:
			err = s.beats()
		case step := <-s.streams.Out():
			err = errors.Join(s.upload(), s.send(&contract.Up{Message: &contract.Up_Stream{Stream: step}})) // events first
		}
		if err != nil {
			return s.reason(err, over)
		}
	}
}

// reason prefers what the manager says to what sending failed with.
func (s *session) reason(err error, over <-chan error) error {
	if status := (*connect.Error)(nil); errors.As(err, &status) && contract.ReasonOf(err) != 0 {
		return err
	}
	select {
	case said := <-over:
		if contract.ReasonOf(said) != 0 {
			return said
		}
	default:
	}
	return err
}

func (s *session) begin(ctx context.Context, over <-chan error) error {
	c := s.Channel
	c.mu.Lock()
	hello := &contract.Hello{Version: c.c.Version.String(), Machine: c.c.Machine, Delivered: c.settings.GetGeneration(), Applied: c.applied, Local: c.c.Local}
	c.changed = true // the manager may never have heard the present status
	c.mu.Unlock()
	// An error of sending says no more than that the stream is over: why, the receiver hears.
	_ = s.say(&contract.Up{Message: &contract.Up_Hello{Hello: hello}})
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case m := <-s.down:
		welcome := m.GetWelcome()
		if welcome == nil {
			return errors.New("the manager doesn't begin with Welcome")
		}
		s.welcomed(time.Duration(welcome.GetHeartbeatMs()) * time.Millisecond)
	}
	c.found()
	c.c.Spool.Rewind()
	if err := s.tell(false); err != nil {
		return err
	}
	return errors.Join(s.upload(), s.renew())
}

// welcomed: the manager says how often to be heard, within reason.
func (s *session) welcomed(every time.Duration) {
	if every < 10*time.Millisecond || every > contract.HeartbeatEvery {
		every = contract.HeartbeatEvery
	}
	s.silent.Store(int64(3 * every))
	s.alive.Reset(3 * every)
	s.beat = time.NewTicker(every)
}

func (s *session) send(m *contract.Up) error {
	s.quiet = false
	return s.say(m)
}

// beats says that this vSocket is here, unless it has just said something, and
// looks at what nobody wakes it for.
func (s *session) beats() error {
	if s.quiet {
		if err := s.send(&contract.Up{Message: &contract.Up_Heartbeat{Heartbeat: &contract.Heartbeat{}}}); err != nil {
			return err
		}
	}
	s.quiet = true
	return errors.Join(s.upload(), s.renew())
}

// tell says what has changed: what is applied, and the status.
func (s *session) tell(always bool) error {
	s.mu.Lock()
	applied := &contract.Applied{Delivered: s.settings.GetGeneration(), Applied: s.applied, Problem: s.trouble}
	status, changed := s.status, s.changed
	s.changed = false
	s.mu.Unlock()
	if s.told == nil || s.told.Delivered != applied.Delivered || s.told.Applied != applied.Applied || s.told.Problem != applied.Problem {
		s.told = applied
		if err := s.send(&contract.Up{Message: &contract.Up_Applied{Applied: applied}}); err != nil {
			return err
		}
	}
	if status == nil || !changed && !always {
		return nil
	}
	return s.send(&contract.Up{Message: &contract.Up_Report{Report: &contract.Report{Status: status}}})
}

// upload sends events as long as not too many are unacknowledged.
func (s *session) upload() error {
	for len(s.flying) < contract.MaxUnacked {
		records, err := s.c.Spool.Take(contract.MaxBatch, takeBytes)
		if err != nil {
			s.c.Log.Error("events can't be read", "error", err)
		}
		if len(records) == 0 {
			return nil
		}
		m := &contract.Events{Batch: s.batch + 1}
		for _, r := range records {
			m.Events = append(m.Events, &contract.Event{Boot: r.ID.Boot, Number: r.ID.Number, Body: r.Body})
		}
		s.batch++
		s.flying[s.batch] = records
		if err := s.send(&contract.Up{Message: &contract.Up_Events{Events: m}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) hear(m *contract.Down) error {
	switch m := m.Message.(type) {
	case *contract.Down_AckEvents:
		return s.acknowledged(m.AckEvents)
	case *contract.Down_Settings:
		if err := s.take(m.Settings); err != nil {
			return err
		}
		return s.tell(false) // delivered, at once
	case *contract.Down_Live:
		s.look(time.Duration(m.Live.GetEveryMs()) * time.Millisecond)
	case *contract.Down_GoAway:
		s.spread = max(time.Duration(m.GoAway.GetSpreadMs())*time.Millisecond, time.Second)
		return errGoAway
	case *contract.Down_Renewed:
		return s.renewed(m.Renewed)
	case *contract.Down_Stream:
		return s.streams.Take(m.Stream)
	}
	return nil // a heartbeat, or something of a later release
}

func (s *session) acknowledged(m *contract.AckEvents) error {
	records := s.flying[m.GetBatch()]
	delete(s.flying, m.GetBatch())
	if m.GetRefused() > 0 {
		s.c.Log.Error("the manager can't keep events", "number", m.GetRefused())
	}
	if err := s.c.Spool.Remove(records); err != nil {
		s.c.Log.Warn("events that the manager has may be sent again", "error", err)
	}
	return s.upload()
}

// look begins or ends the reports for somebody who looks; 0 ends them.
func (s *session) look(every time.Duration) {
	if s.live != nil {
		s.live.Stop()
		s.live = nil
	}
	if every > 0 {
		s.live = time.NewTicker(max(every, 100*time.Millisecond))
	}
}

func (s *session) looks() <-chan time.Time {
	if s.live == nil {
		return nil
	}
	return s.live.C
}

// renew asks for a certificate for a new key when the present one is old.
func (s *session) renew() error {
	s.mu.Lock()
	old := s.identity.Old()
	s.mu.Unlock()
	if s.renewal != nil || !old {
		return nil
	}
	key, err := line.NewKey()
	if err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	req, err := line.Request(key)
	if err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	s.renewal = key
	return s.send(&contract.Up{Message: &contract.Up_Renew{Renew: &contract.Renew{Request: req}}})
}

// renewed: the present session goes on; the next one shows the new certificate.
func (s *session) renewed(m *contract.Renewed) error {
	if s.renewal == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.identity.Successor(s.renewal, m.GetChain())
	if err == nil {
		err = next.Save(s.c.Folder)
	}
	if err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	s.renewal = nil
	s.identity, s.tickets = next, tls.NewLRUClientSessionCache(1)
	s.c.Log.Info("certificate renewed", "until", next.NotAfter)
	return nil
}
