package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/journal"
)

// door is what the status socket reaches. It is open before the parts behind
// it are, so its questions may come too early.
type door struct {
	behind *behind
	stop   chan struct{} // each value asks the agent to end
}

type behind struct {
	sync.Mutex
	running
	waits error // why there is no life yet
}

// running is what of a life the door reaches.
type running struct {
	status  func(context.Context) (site.Status, error)
	apiTest func(context.Context, func(step any) error) error // nil: there is none
	take    func(context.Context, joined) error               // other settings
	moved   func(context.Context) error                       // a person's word of the routes; nil: there is no floating IP
}

func newDoor() door { return door{behind: &behind{waits: errStarting}, stop: make(chan struct{}, 2)} }

var errStarting = errors.New("the agent is starting")

func (d *door) open(life running) {
	d.behind.Lock()
	defer d.behind.Unlock()
	d.behind.running = life
}

// wait says why there is no life yet.
func (d *door) wait(why error) {
	d.behind.Lock()
	defer d.behind.Unlock()
	d.behind.waits = why
}

func (d *door) waits() error {
	d.behind.Lock()
	defer d.behind.Unlock()
	return d.behind.waits
}

func (d *door) get() running {
	d.behind.Lock()
	defer d.behind.Unlock()
	return d.behind.running
}

// take gives settings to the present life. One that ends just now leaves them to
// the next, which looks for itself.
func (d *door) take(ctx context.Context, next joined) error {
	if take := d.get().take; take != nil {
		return take(ctx, next)
	}
	return errStarting
}

func (d *door) handlers(u *unit) control.Handlers {
	return control.Handlers{
		Status: func(ctx context.Context) (site.Status, error) {
			if status := d.get().status; status != nil {
				return status(ctx)
			}
			return site.Status{}, d.waits()
		},
		APITest: func(ctx context.Context, emit func(any) error) error {
			if test := d.get().apiTest; test != nil {
				return test(ctx, emit)
			}
			return errors.New("there is no API test without HA settings")
		},
		Journal:  u.readJournal,
		Settings: u.offer,
		Apply:    u.apply,
		Moved: func(ctx context.Context) error {
			if moved := d.get().moved; moved != nil {
				return moved(ctx)
			}
			return errors.New("there is no floating IP without HA settings")
		},
		Stop: func(ctx context.Context) error {
			d.ask(ctx)
			return nil
		},
	}
}

func (d *door) ask(ctx context.Context) {
	select {
	case d.stop <- struct{}{}:
	case <-ctx.Done():
	}
}

// relay turns signals into questions to end.
func (d *door) relay(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-signals:
			d.ask(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (u *unit) readJournal(ctx context.Context, since time.Time, follow bool, emit func(site.Entry) error) error {
	if follow {
		if u.door.get().status == nil {
			return errStarting
		}
		return u.journal.Follow(ctx, since, emit)
	}
	entries, err := journal.Read(u.journalDir(), since)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := emit(entry); err != nil {
			return err
		}
	}
	return nil
}
