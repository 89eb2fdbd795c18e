package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"releve.dev/releve/channel"
	"releve.dev/releve/channel/streams"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// session is one Converse. Its handler sends; a goroutine of its own receives,
// and ends when the handler does.
type session struct {
	fleet   *Fleet
	serial  site.Serial
	remote  string
	version site.Version
	stream  *connect.BidiStream[channel.Up, channel.Down]
	control *http.ResponseController

	out     chan *channel.Down // answers; never full, as the device may not ask for more
	wake    chan struct{}      // something is to be looked at: settings, live, drain
	end     chan error         // the first reason to end
	unacked atomic.Int32       // batches
	heard   atomic.Int64       // when the device last said anything
	taking  atomic.Bool        // that is being taken: the device isn't listened to
	over    sync.Once
	hold    sync.Mutex // of control: it must not be touched once the call is over
	done    bool
	streams *streams.Mux

	sent     uint64        // generation of the settings that it has or was sent
	live     time.Duration // between the reports that it was asked for; 0: on change alone
	gone     bool          // it was asked to go
	isPoP    bool
	looks    look
	progress inventory.Progress // what the inventory was told; the receiver's own
}

// liveEvery is how often a device reports while somebody looks.
const liveEvery = time.Second

// Converse is a device's session, from its Hello to its end.
func (f *Fleet) Converse(ctx context.Context, stream *connect.BidiStream[channel.Up, channel.Down]) error {
	who := callerOf(ctx)
	if who.serial == "" {
		return channel.Refuse(channel.Refusal_UNIDENTIFIED, "a device shows its certificate; who has none enrols first")
	}
	s := &session{
		fleet: f, serial: who.serial, remote: stream.Peer().Addr, stream: stream, control: who.control,
		out: make(chan *channel.Down, 2*channel.MaxUnacked), wake: make(chan struct{}, 1), end: make(chan error, 1),
		streams: streams.New(nil), looks: look{found: make(chan finding, 1)},
	}
	defer s.streams.Close()
	defer s.finish()
	if err := s.begin(); err != nil {
		return err
	}
	now := time.Now()
	s.heard.Store(now.UnixNano())
	if err := f.enter(s, s.looks.hello, now); err != nil {
		f.refusedSession(s, err)
		return err
	}
	err := s.run(ctx)
	f.left(s, err)
	return err
}

func (f *Fleet) refusedSession(s *session, err error) {
	switch channel.ReasonOf(err) {
	case channel.Refusal_VOID:
		f.tell(s.serial, VoidTried, s.remote, "wanted to connect")
	case channel.Refusal_CLONE:
		f.tell(s.serial, CloneTried, s.remote, err.Error())
	}
	f.c.Log.Info("session refused", "serial", s.serial, "remote", s.remote, "error", err)
}

func (f *Fleet) left(s *session, err error) {
	mine := f.leave(s)
	f.c.Log.Debug("session over", "serial", s.serial, "remote", s.remote, "reason", err)
	if mine && !s.gone && channel.ReasonOf(err) != channel.Refusal_VOID {
		f.tell(s.serial, Lost, "", fmt.Sprint(err))
	}
}

func (s *session) begin() error {
	timer := time.AfterFunc(s.fleet.silence(), s.force)
	defer timer.Stop()
	first, err := s.stream.Receive()
	if err != nil {
		return err
	}
	hello := first.GetHello()
	if hello == nil {
		return channel.Refuse(channel.Refusal_MALFORMED, "a session begins with Hello")
	}
	if s.version, err = site.ParseVersion(hello.Version); err != nil {
		return channel.Refuse(channel.Refusal_MALFORMED, err.Error())
	}
	s.looks.hello, s.sent, s.isPoP = hello, hello.Delivered, hello.GetPop() != nil
	return nil
}

// run sends until the session is over.
func (s *session) run(ctx context.Context) error {
	err := s.send(&channel.Down{Message: &channel.Down_Welcome{Welcome: &channel.Welcome{
		HeartbeatMs: uint32(s.fleet.c.Heartbeat.Milliseconds()), NowMs: time.Now().UnixMilli(),
	}}})
	if err != nil {
		return err
	}
	defer s.receiving(ctx)()
	beat := time.NewTicker(s.fleet.c.Heartbeat)
	defer beat.Stop()
	s.looks.timer = time.NewTimer(s.fleet.c.Sweep)
	defer s.looks.timer.Stop()
	s.poke() // the first look at everything
	for {
		select {
		case err := <-s.end:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case m := <-s.out:
			err = s.send(m)
		case <-beat.C:
			err = s.beat()
		case <-s.wake:
			s.look(ctx)
			if err = s.tellLive(); err == nil {
				err = s.tellGoAway()
			}
		case <-s.looks.timer.C:
			s.look(ctx)
		case found := <-s.looks.found:
			err = s.looked(ctx, found)
		case step := <-s.streams.Out():
			err = s.send(&channel.Down{Message: &channel.Down_Stream{Stream: step}})
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) send(m *channel.Down) error {
	if err := s.stream.Send(m); err != nil {
		select {
		case why := <-s.end: // a cut ends the stream, and then sending fails
			return why
		default:
			return err
		}
	}
	return nil
}

// beat says that this manager is here, and ends the session if the device isn't. A
// device that is made to wait isn't silent.
func (s *session) beat() error {
	taking := s.taking.Load() // before heard
	if silent := time.Since(time.Unix(0, s.heard.Load())); !taking && silent > s.fleet.silence() {
		return connect.NewError(connect.CodeDeadlineExceeded, fmt.Errorf("nothing heard for %s", silent.Round(time.Second)))
	}
	return s.send(&channel.Down{Message: &channel.Down_Heartbeat{Heartbeat: &channel.Heartbeat{}}})
}

// cut ends the session with a reason, which the device is told if it takes it in
// at once. It doesn't block.
func (s *session) cut(why error) {
	s.over.Do(func() {
		s.end <- why
		// A send that waits for the device must not keep it connected.
		time.AfterFunc(500*time.Millisecond, s.force)
	})
}

// force makes what waits for the device fail.
func (s *session) force() {
	s.hold.Lock()
	defer s.hold.Unlock()
	if !s.done {
		past := time.Unix(1, 0)
		_ = errors.Join(s.control.SetReadDeadline(past), s.control.SetWriteDeadline(past)) // the stream is over anyway
	}
}

func (s *session) finish() {
	s.hold.Lock()
	defer s.hold.Unlock()
	s.done = true
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// tellLive asks for reports as often as somebody looks.
func (s *session) tellLive() error {
	s.fleet.mu.Lock()
	every := s.fleet.c.Sample
	if len(s.fleet.devices[s.serial].watchers) > 0 {
		every = liveEvery
	}
	s.fleet.mu.Unlock()
	if every == s.live {
		return nil
	}
	s.live = every
	return s.send(&channel.Down{Message: &channel.Down_Live{Live: &channel.Live{EveryMs: uint32(every.Milliseconds())}}})
}

func (s *session) tellGoAway() error {
	s.fleet.mu.Lock()
	wanted, spread := s.fleet.draining, s.fleet.spread
	s.fleet.mu.Unlock()
	if !wanted || s.gone {
		return nil
	}
	s.gone = true
	return s.send(&channel.Down{Message: &channel.Down_GoAway{GoAway: &channel.GoAway{SpreadMs: uint32(spread.Milliseconds())}}})
}

// receiving starts the receiver; what it returns ends it, and waits for that.
func (s *session) receiving(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.receive(ctx)
	}()
	return func() {
		cancel()
		_ = s.control.SetReadDeadline(time.Unix(1, 0)) // what is to be sent yet can be
		<-ended
	}
}

// receive handles what the device says, in order, until the stream ends.
func (s *session) receive(ctx context.Context) {
	for {
		m, err := s.stream.Receive()
		if err == nil {
			s.taking.Store(true)
			err = s.take(ctx, m)
			s.heard.Store(time.Now().UnixNano())
			s.taking.Store(false)
		}
		if err != nil {
			s.cut(err)
			return
		}
	}
}

func (s *session) take(ctx context.Context, m *channel.Up) error {
	now := time.Now()
	switch m := m.Message.(type) {
	case *channel.Up_Hello:
		return channel.Refuse(channel.Refusal_MALFORMED, "a second Hello in a session")
	case *channel.Up_Report:
		s.fleet.note(s, func(d *Device) { d.Heard, d.Reported, d.Status = now, now, m.Report.GetStatus() })
	case *channel.Up_Events:
		s.heardAt(now)
		return s.takeEvents(ctx, m.Events)
	case *channel.Up_Applied:
		return s.takeApplied(ctx, m.Applied, now)
	case *channel.Up_Renew:
		s.heardAt(now)
		return s.takeRenew(m.Renew, now)
	case *channel.Up_Stream:
		s.heardAt(now)
		return s.streams.Take(m.Stream)
	default: // a heartbeat, or something of a later release
		s.heardAt(now)
	}
	return nil
}

// heardAt wakes nobody.
func (s *session) heardAt(now time.Time) {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	if d := s.fleet.devices[s.serial]; d.session == s {
		d.known.Heard = now
	}
}

func (s *session) takeEvents(ctx context.Context, m *channel.Events) error {
	if len(m.GetEvents()) > channel.MaxBatch || s.unacked.Add(1) > channel.MaxUnacked {
		return channel.Refuse(channel.Refusal_MALFORMED, "more events than a session may send at once")
	}
	kept, refused := received(s.serial, m)
	if refused > 0 {
		s.fleet.c.Log.Warn("events that can't be kept", "serial", s.serial, "number", refused)
	}
	number := m.GetBatch()
	return s.fleet.commits.submit(ctx, batch[told]{kept, func(err error) {
		if err != nil {
			s.fleet.c.Log.Warn("events not kept", "serial", s.serial, "error", err)
			s.cut(connect.NewError(connect.CodeUnavailable, errors.New("the manager can't keep events now")))
			return
		}
		s.unacked.Add(-1)
		s.answer(&channel.Down{Message: &channel.Down_AckEvents{AckEvents: &channel.AckEvents{Batch: number, Refused: refused}}})
	}})
}

func (s *session) answer(m *channel.Down) {
	select {
	case s.out <- m:
	default: // it asks for answers and doesn't take them
		s.cut(channel.Refuse(channel.Refusal_BUSY, "answers pile up"))
	}
}

func (s *session) takeApplied(ctx context.Context, m *channel.Applied, now time.Time) error {
	p := inventory.Progress{Delivered: m.GetDelivered(), Applied: m.GetApplied(), Problem: m.GetProblem()}
	s.fleet.note(s, func(d *Device) {
		d.Heard, d.Delivered, d.Applied, d.Problem = now, p.Delivered, p.Applied, p.Problem
	})
	if p == s.progress {
		return nil
	}
	s.progress = p
	return s.fleet.notes.submit(ctx, batch[inventory.Note]{[]inventory.Note{inventory.Progressed(s.serial, p)}, func(err error) {
		if err != nil { // the device says it again in its next session
			s.fleet.c.Log.Warn("not noted what is applied", "serial", s.serial, "error", err)
			s.cut(connect.NewError(connect.CodeUnavailable, errors.New("the manager can't note it now")))
		}
	}})
}

// takeRenew signs a new key of a device that has shown its old one.
func (s *session) takeRenew(m *channel.Renew, now time.Time) error {
	if !s.fleet.serials.allow(string(s.serial), now) {
		return channel.Refuse(channel.Refusal_BUSY, "too many renewals")
	}
	request, err := authority.ReadRequest(m.GetRequest())
	if err != nil {
		return channel.Refuse(channel.Refusal_MALFORMED, err.Error())
	}
	chain, err := s.fleet.c.Authority.Device(s.serial, request, now)
	if err != nil {
		return connect.NewError(connect.CodeInternal, errors.New("the manager can't sign"))
	}
	s.fleet.c.Log.Info("certificate renewed", "serial", s.serial)
	s.answer(&channel.Down{Message: &channel.Down_Renewed{Renewed: &channel.Renewed{Chain: chain}}})
	return nil
}
