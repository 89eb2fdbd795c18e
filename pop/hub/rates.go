package hub

import (
	"context"
	"sync"
	"time"

	"releve.dev/releve/tunnel"
)

// Rates measures how much passes, between two looks at the counters. Nothing is
// looked at unless somebody asks.
type Rates struct {
	mu   sync.Mutex
	at   time.Time
	seen map[tunnel.Key]VSocketStatus
}

// The span of a measurement: who asks waits for the shortest if the last look was
// longer ago than the longest.
const (
	shortest = 300 * time.Millisecond
	longest  = 10 * time.Second
)

// Status is the hub's, with rates.
func (r *Rates) Status(ctx context.Context, h *Hub) ([]DeviceStatus, []SiteStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age := time.Since(r.at)
	if age > longest {
		_, sites, err := h.Status()
		if err == nil {
			r.look(sites)
		}
		age = 0
	}
	if age < shortest {
		wait := time.NewTimer(shortest - age)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	devices, sites, err := h.Status()
	before, span := r.seen, time.Since(r.at).Seconds()
	r.look(sites)
	for i := range sites {
		for side, now := range sites[i].VSockets {
			was, known := before[now.PublicKey]
			if known && was.Received <= now.Received && was.Sent <= now.Sent { // not renewed meanwhile
				now.ReceivedRate, now.SentRate = float64(now.Received-was.Received)/span, float64(now.Sent-was.Sent)/span
				sites[i].VSockets[side] = now
			}
		}
	}
	return devices, sites, err
}

func (r *Rates) look(sites []SiteStatus) {
	r.at, r.seen = time.Now(), map[tunnel.Key]VSocketStatus{}
	for _, s := range sites {
		for _, v := range s.VSockets {
			r.seen[v.PublicKey] = v
		}
	}
}
