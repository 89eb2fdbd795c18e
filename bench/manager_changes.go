package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"releve.dev/releve/client"
)

// changed is how long a change took from the request on.
type changed struct {
	had   []trips // until a vSocket runs with it, by the manager that it is connected to
	shown trips   // until the API shows that the site's both do
	late  int     // those that were not shown in time
	all   int
}

const (
	changeWithin = 2 * time.Second
	mostLate     = 10 // it doesn't work, then
)

// change changes sites, one after the other, at the manager of c.
func change(ctx context.Context, c *client.Client, ends []*actor, e *estate, times int) (r changed, err error) {
	random := rand.New(rand.NewPCG(9, 10))
	had, shown := make([][]time.Duration, len(ends)), []time.Duration{}
	for r.all = 0; r.all < times && r.late < mostLate; r.all++ {
		n := random.IntN(len(e.Sites))
		before, err := c.Site(ctx, e.Sites[n].ID)
		if err != nil {
			return r, err
		}
		began := time.Now()
		name := fmt.Sprintf("site%d, %d", n, began.UnixNano()) // never the one before
		after, err := c.SetSite(ctx, before.ID, client.SiteChange{Name: &name}, client.Condition{IfMatch: before.Generation})
		if err != nil {
			return r, err
		}
		for i, end := range ends {
			var at []int64
			if err := end.tell(order{Do: "had", Site: n, Number: after.Generation, For: changeWithin}, &at); err != nil {
				return r, err
			}
			for _, ns := range at {
				took := changeWithin
				if ns != 0 {
					took = time.Unix(0, ns).Sub(began)
				}
				had[i] = append(had[i], took)
			}
		}
		ok, err := awaitShown(ctx, c, after, began.Add(changeWithin))
		if err != nil {
			return r, err
		}
		if !ok {
			r.late++
		}
		shown = append(shown, time.Since(began))
	}
	for _, took := range had {
		r.had = append(r.had, ranked(took))
	}
	r.shown = ranked(shown)
	return r, nil
}

// awaitShown looks until the API says that both vSockets run with a site's settings.
func awaitShown(ctx context.Context, c *client.Client, wanted client.Site, until time.Time) (bool, error) {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		s, err := c.Site(ctx, wanted.ID)
		if err != nil {
			return false, err
		}
		if s.Primary.Applied >= wanted.Generation && s.Secondary != nil && s.Secondary.Applied >= wanted.Generation {
			return true, nil
		}
		if time.Now().After(until) {
			return false, nil
		}
		<-look.C
	}
}
