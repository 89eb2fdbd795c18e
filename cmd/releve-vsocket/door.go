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
	status  func(context.Context) (site.Status, error)
	apiTest func(context.Context, func(step any) error) error
}

func newDoor() door { return door{behind: &behind{}, stop: make(chan struct{}, 2)} }

var errStarting = errors.New("the agent is starting")

func (d *door) open(status func(context.Context) (site.Status, error), apiTest func(context.Context, func(any) error) error) {
	d.behind.Lock()
	defer d.behind.Unlock()
	d.behind.status, d.behind.apiTest = status, apiTest
}

func (d *door) get() (func(context.Context) (site.Status, error), func(context.Context, func(any) error) error) {
	d.behind.Lock()
	defer d.behind.Unlock()
	return d.behind.status, d.behind.apiTest
}

func (d *door) handlers(u *unit) control.Handlers {
	return control.Handlers{
		Status: func(ctx context.Context) (site.Status, error) {
			if status, _ := d.get(); status != nil {
				return status(ctx)
			}
			return site.Status{}, errStarting
		},
		APITest: func(ctx context.Context, emit func(any) error) error {
			if _, test := d.get(); test != nil {
				return test(ctx, emit)
			}
			return errors.New("there is no API test without HA settings")
		},
		Journal: u.readJournal,
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
		if running, _ := u.door.get(); running == nil {
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
