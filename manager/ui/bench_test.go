package ui

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
)

// most is how long a page of sites may take with 10,000 of them (issue 7).
const most = 100 * time.Millisecond

// BenchmarkSites is the list and the search with 10,000 sites: p99 of each.
func BenchmarkSites(b *testing.B) {
	w := newWorld(b)
	for i := range 10_000 {
		w.paris(fmt.Sprintf("site-%05d", i), 256+i, false)
	}
	// As vSockets' reports would have them judged.
	for after := ""; ; {
		list, err := w.Inventory.Sites(context.Background(), w.ours, inventory.Page{After: after, Limit: 500})
		w.fine(err)
		for _, s := range list.Items {
			_, err := w.presence.Site(context.Background(), w.ours.Account, s.ID)
			w.fine(err)
		}
		if after = list.Next; after == "" {
			break
		}
	}
	w.signedIn(w.code)
	for name, path := range map[string]string{"list": "/sites", "middle": "/sites?after=site-05000", "search": "/sites?q=9876", "none": "/sites?q=nowhere",
		"health": "/sites?health=ready", "common": "/sites?q=site"} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				w.want(w.get(path), http.StatusOK)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			p99 := took[len(took)*99/100]
			b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
			if p99 > most && len(took) >= 100 {
				b.Errorf("p99 is %s", p99)
			}
		})
	}
}
