// Package watch follows a site's status, for whoever shows it live: the API and
// the pages alike. While somebody watches, the site's vSockets report each second.
package watch

import (
	"context"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// Status is each site's; *presence.Service has it.
type Status interface {
	Site(ctx context.Context, account, id string) (status.Site, error)
	Watch(site string) (changes <-chan struct{}, stop func())
}

// Fleet are the vSockets that are connected to this manager; *fleet.Fleet is one.
type Fleet interface {
	Watch(serials ...site.Serial) (changes <-chan struct{}, stop func())
}

// agingEvery is how often a status is told though nothing has happened: time alone
// changes when a vSocket was heard.
const agingEvery = 20 * time.Second

// Watcher is what it takes.
type Watcher struct {
	Inventory *inventory.Service
	Status    Status
	Fleet     Fleet
}

// Site tells how a site is, at once and after each change, until ctx ends, tell
// fails, or the site is gone.
func (w Watcher) Site(ctx context.Context, by inventory.Actor, id string, tell func(inventory.Site, status.Site) error) error {
	aging := time.NewTicker(agingEvery)
	defer aging.Stop()
	for {
		s, err := w.Inventory.Site(ctx, by, id)
		if err != nil {
			return err
		}
		if err := w.once(ctx, by.Account, s, tell, aging.C); err != nil {
			return err
		}
	}
}

// once tells the status, and waits until it may be another.
func (w Watcher) once(ctx context.Context, account string, s inventory.Site, tell func(inventory.Site, status.Site) error, aging <-chan time.Time) error {
	serials := []site.Serial{s.Primary.Serial}
	if s.Secondary != nil {
		serials = append(serials, s.Secondary.Serial)
	}
	changes, stop := w.Status.Watch(s.ID)
	defer stop()
	live, stopLive := w.Fleet.Watch(serials...)
	defer stopLive()
	judged, err := w.Status.Site(ctx, account, s.ID)
	if err != nil {
		return err
	}
	if err := tell(s, judged); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changes:
	case <-live:
	case <-aging:
	}
	return nil
}
