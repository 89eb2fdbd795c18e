package line

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"releve.dev/releve/channel"
)

// session is one Converse: this goroutine sends, another receives.
type session struct {
	*Line
	stream *connect.BidiStreamForClient[channel.Up, channel.Down]
	alive  *time.Timer  // ends the session when the manager is silent
	silent atomic.Int64 // how long the manager may be silent
	down   chan *channel.Down

	hello   *channel.Hello
	beat    *time.Ticker
	quiet   bool // nothing was said since the last beat
	renewal *ecdsa.PrivateKey
	spread  time.Duration // of GoAway
}

// beginWithin is how long a session takes to begin.
const beginWithin = 30 * time.Second

var (
	errSilent = errors.New("the manager is silent")
	errGoAway = errors.New("the manager has asked to come back later")
)

// session lasts until it is over. wait is given if the manager asks for it.
func (l *Line) session(ctx context.Context) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.mu.Lock()
	config := l.identity.TLS(l.tickets)
	l.mu.Unlock()
	carrier := Carry(l.c.Manager, l.c.Dial, config, l.c.Most)
	defer carrier.Close()
	s := &session{Line: l, stream: carrier.Client.Converse(ctx), down: make(chan *channel.Down),
		alive: time.AfterFunc(beginWithin, func() { cancel(errSilent) })}
	defer s.alive.Stop()
	s.silent.Store(int64(beginWithin))
	s.hello = l.c.Device.Begin(ctx, func(do func(Send) error) bool { return l.turn(ctx, do) })
	over := make(chan error, 1)
	go func() { over <- s.receive(ctx) }()
	err = s.run(ctx, over)
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		err = cause
	}
	cancel(err)
	l.c.Device.Over(err)
	return s.spread, err
}

func (l *Line) turn(ctx context.Context, do func(Send) error) bool {
	select {
	case l.turns <- do:
		return true
	case <-ctx.Done():
		return false
	}
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
	for {
		var err error
		select {
		case err = <-over:
		case <-ctx.Done():
			err = ctx.Err()
		case m := <-s.down:
			err = s.hear(m)
		case <-s.poke:
			err = s.c.Device.Tell(s.send)
		case do := <-s.turns:
			err = do(s.send)
		case <-s.beat.C:
			err = s.beats()
		}
		if err != nil {
			return reason(err, over)
		}
	}
}

// reason prefers what the manager says to what sending failed with.
func reason(err error, over <-chan error) error {
	if channel.ReasonOf(err) != 0 {
		return err
	}
	select {
	case said := <-over:
		if channel.ReasonOf(said) != 0 {
			return said
		}
	default:
	}
	return err
}

func (s *session) begin(ctx context.Context, over <-chan error) error {
	// An error of sending says no more than that the stream is over: why, the receiver hears.
	_ = s.send(&channel.Up{Message: &channel.Up_Hello{Hello: s.hello}})
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
	s.found()
	return errors.Join(s.c.Device.Tell(s.send), s.renew())
}

// welcomed: the manager says how often to be heard, within reason.
func (s *session) welcomed(every time.Duration) {
	if every < 10*time.Millisecond || every > channel.HeartbeatEvery {
		every = channel.HeartbeatEvery
	}
	s.silent.Store(int64(3 * every))
	s.alive.Reset(3 * every)
	s.beat = time.NewTicker(every)
}

func (s *session) send(m *channel.Up) error {
	s.quiet = false
	return s.stream.Send(m)
}

// beats says that this device is here, unless it has just said something.
func (s *session) beats() error {
	if s.quiet {
		if err := s.send(&channel.Up{Message: &channel.Up_Heartbeat{Heartbeat: &channel.Heartbeat{}}}); err != nil {
			return err
		}
	}
	s.quiet = true
	return errors.Join(s.c.Device.Beat(s.send), s.renew())
}

func (s *session) hear(m *channel.Down) error {
	switch m := m.Message.(type) {
	case *channel.Down_GoAway:
		s.spread = max(time.Duration(m.GoAway.GetSpreadMs())*time.Millisecond, time.Second)
		return errGoAway
	case *channel.Down_Renewed:
		return s.renewed(m.Renewed)
	}
	return s.c.Device.Hear(m, s.send)
}

// renew asks for a certificate for a new key when the present one is old.
func (s *session) renew() error {
	s.mu.Lock()
	old := s.identity.Old()
	s.mu.Unlock()
	if s.renewal != nil || !old {
		return nil
	}
	key, err := NewKey()
	if err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	request, err := Request(key)
	if err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	s.renewal = key
	return s.send(&channel.Up{Message: &channel.Up_Renew{Renew: &channel.Renew{Request: request}}})
}

// renewed: the present session goes on; the next one shows the new certificate.
func (s *session) renewed(m *channel.Renewed) error {
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
