package channel

import (
	"context"
	"errors"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/channel/streams"
	"releve.dev/releve/vsocket/spool"
)

// session is what belongs to one session. Its fields are the line's own, one call at
// a time.
type session struct {
	batch   uint64
	flying  map[uint64][]spool.Record // by batch, until acknowledged
	told    *contract.Applied         // what was said last
	looking chan time.Duration        // between two reports for somebody who looks; 0: nobody does
	streams *streams.Mux
}

// takeBytes is how much of events is in a batch, far below what a message may be.
const takeBytes = 256 << 10

// device is the channel as its line sees it.
type device struct{ *Channel }

var _ line.Device = device{}

func (d device) Begin(ctx context.Context, turn line.Turn) *contract.Hello {
	s := &session{flying: map[uint64][]spool.Record{}, looking: make(chan time.Duration, 1), streams: streams.New(d.serve())}
	d.session = s
	d.c.Spool.Rewind()
	go d.attend(ctx, s, turn)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changed = true // the manager may never have heard the present status
	return &contract.Hello{Version: d.c.Version.String(), Machine: d.c.Machine, Delivered: d.settings.GetGeneration(), Applied: d.applied, Local: d.c.Local}
}

func (d device) Over(why error) {
	d.session.streams.Close()
	if d.c.Void != nil && contract.ReasonOf(why) == contract.Refusal_VOID {
		d.c.Void()
	}
}

// attend asks for a turn whenever there is something to say that nobody has asked
// for: events, a report for somebody who looks, a stream's next step.
func (d device) attend(ctx context.Context, s *session, turn line.Turn) {
	live := time.NewTicker(time.Hour)
	live.Stop()
	defer live.Stop()
	for on := true; on; {
		select {
		case <-ctx.Done():
			return
		case <-d.c.Spool.Fresh():
			on = turn(d.upload)
		case every := <-s.looking:
			if live.Stop(); every > 0 {
				live.Reset(max(every, 100*time.Millisecond))
			}
		case <-live.C:
			on = turn(func(send line.Send) error { return d.tell(send, true) })
		case step := <-s.streams.Out():
			on = turn(func(send line.Send) error { // events first
				if d.session != s {
					return nil // a step of a session that is over
				}
				return errors.Join(d.upload(send), send(&contract.Up{Message: &contract.Up_Stream{Stream: step}}))
			})
		}
	}
}

// Tell says what has changed, and what there is of events.
func (d device) Tell(send line.Send) error { return errors.Join(d.tell(send, false), d.upload(send)) }

// Beat looks for events that nobody has woken it for.
func (d device) Beat(send line.Send) error { return d.upload(send) }

// tell says what is applied, if that is news, and the status.
func (d device) tell(send line.Send, always bool) error {
	s := d.session
	d.mu.Lock()
	applied := &contract.Applied{Delivered: d.settings.GetGeneration(), Applied: d.applied, Problem: d.trouble}
	status, changed := d.status, d.changed
	d.changed = false
	d.mu.Unlock()
	if s.told == nil || s.told.Delivered != applied.Delivered || s.told.Applied != applied.Applied || s.told.Problem != applied.Problem {
		s.told = applied
		if err := send(&contract.Up{Message: &contract.Up_Applied{Applied: applied}}); err != nil {
			return err
		}
	}
	if status == nil || !changed && !always {
		return nil
	}
	return send(&contract.Up{Message: &contract.Up_Report{Report: &contract.Report{Status: status}}})
}

// upload sends events as long as not too many are unacknowledged.
func (d device) upload(send line.Send) error {
	s := d.session
	for len(s.flying) < contract.MaxUnacked {
		records, err := d.c.Spool.Take(contract.MaxBatch, takeBytes)
		if err != nil {
			d.c.Log.Error("events can't be read", "error", err)
		}
		if len(records) == 0 {
			return nil
		}
		m := &contract.Events{Batch: s.batch + 1}
		for _, r := range records {
			e := &contract.Event{Boot: r.ID.Boot, Number: r.ID.Number}
			if r.Class == spool.Takeover {
				e.Takeover = r.Body
			} else {
				e.Body = r.Body
			}
			m.Events = append(m.Events, e)
		}
		s.batch++
		s.flying[s.batch] = records
		if err := send(&contract.Up{Message: &contract.Up_Events{Events: m}}); err != nil {
			return err
		}
	}
	return nil
}

func (d device) Hear(m *contract.Down, send line.Send) error {
	switch m := m.Message.(type) {
	case *contract.Down_AckEvents:
		return d.acknowledged(m.AckEvents, send)
	case *contract.Down_Settings:
		if err := d.take(m.Settings); err != nil {
			return err
		}
		return d.tell(send, false) // delivered, at once
	case *contract.Down_Live:
		d.look(time.Duration(m.Live.GetEveryMs()) * time.Millisecond)
	case *contract.Down_Stream:
		return d.session.streams.Take(m.Stream)
	}
	return nil // a heartbeat, or something of a later release
}

func (d device) acknowledged(m *contract.AckEvents, send line.Send) error {
	records := d.session.flying[m.GetBatch()]
	delete(d.session.flying, m.GetBatch())
	if m.GetRefused() > 0 {
		d.c.Log.Error("the manager can't keep events", "number", m.GetRefused())
	}
	if err := d.c.Spool.Remove(records); err != nil {
		d.c.Log.Warn("events that the manager has may be sent again", "error", err)
	}
	return d.upload(send)
}

// look begins or ends the reports for somebody who looks; 0 ends them. The last word
// counts.
func (d device) look(every time.Duration) {
	select {
	case <-d.session.looking:
	default:
	}
	d.session.looking <- every
}
