package api

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// Fleet is what the API shows of devices; *fleet.Fleet is one.
type Fleet interface {
	Device(serial site.Serial) (fleet.Device, bool)
	Watch(serials ...site.Serial) (changes <-chan struct{}, stop func())
	// Dial opens a stream to a service of a device; fleet.ErrAway if it isn't here.
	Dial(ctx context.Context, serial site.Serial, service string) (net.Conn, error)
}

var _ Fleet = (*fleet.Fleet)(nil)

// judged has each site's status as somebody last asked for it, which tells since
// when it is so.
type judged struct {
	mu   sync.Mutex
	last map[string]status.Site
}

func (j *judged) judge(now time.Time, id string, in status.Input) status.Site {
	j.mu.Lock()
	defer j.mu.Unlock()
	var before *status.Site
	if s, has := j.last[id]; has {
		before = &s
	}
	s := status.Judge(now, before, in)
	j.last[id] = s
	return s
}

func (a *API) registerStatus() {
	register(a, operation{id: "get-status", method: http.MethodGet, path: "/sites/{site}/status", tag: "status", action: access.SiteRead,
		summary: "Show a site's status", about: "Ready or not and why (F1), who is Master (F2, B7), each vSocket's connection (F3): as they report it to this manager."}, a.status)
	register(a, operation{id: "watch-status", method: http.MethodGet, path: "/sites/{site}/status/stream", tag: "status", action: access.SiteRead,
		summary: "Watch a site's status", about: "Server-sent events: each has a Status as its data, at once and after each change. While somebody watches, the vSockets report each second."}, a.watchStatus)
}

func (a *API) status(ctx context.Context, c *caller, in *SiteID) (*struct{ Body client.Status }, error) {
	s, err := a.Inventory.Site(ctx, c.actor(), in.Site)
	if err != nil {
		return nil, err
	}
	return &struct{ Body client.Status }{a.statusOf(s)}, nil
}

func (a *API) statusOf(s inventory.Site) client.Status {
	in := status.Input{HA: s.HA != nil, Primary: a.report(s.Primary)}
	if s.Secondary != nil {
		secondary := a.report(*s.Secondary)
		in.Secondary = &secondary
	}
	return viewStatus(s.ID, a.judged.judge(a.Now(), s.ID, in))
}

// report is what this manager has of a vSocket.
func (a *API) report(v inventory.VSocket) status.Report {
	r := status.Report{Serial: string(v.Serial), Heard: v.SeenAt}
	d, here := a.Fleet.Device(v.Serial)
	if !here {
		return r
	}
	r.Heard = d.Heard
	var s site.Status
	// What can't be read is no report; a vSocket of another version may send it.
	if json.Unmarshal(d.Status, &s) == nil {
		r.At, r.Status = d.Reported, &s
	}
	return r
}

func (a *API) watchStatus(ctx context.Context, c *caller, in *SiteID) (*huma.StreamResponse, error) {
	s, err := a.Inventory.Site(ctx, c.actor(), in.Site)
	if err != nil {
		return nil, err
	}
	return streaming(func(ctx context.Context, out *stream) error {
		// Time alone changes it too: what isn't heard grows old.
		aging := time.NewTicker(signEvery)
		defer aging.Stop()
		for {
			if err := a.watchOnce(ctx, s, out, aging.C); err != nil {
				return err
			}
			if s, err = a.Inventory.Site(ctx, c.actor(), in.Site); err != nil {
				return err
			}
		}
	}), nil
}

// watchOnce sends the status, and waits until it may be another.
func (a *API) watchOnce(ctx context.Context, s inventory.Site, out *stream, aging <-chan time.Time) error {
	serials := []site.Serial{s.Primary.Serial}
	if s.Secondary != nil {
		serials = append(serials, s.Secondary.Serial)
	}
	changes, stop := a.Fleet.Watch(serials...)
	defer stop()
	if err := out.send(0, a.statusOf(s)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changes:
	case <-aging:
	}
	return nil
}

func viewStatus(id string, s status.Site) client.Status {
	v := client.Status{Site: id, Type: s.Type, Summary: s.Summary, Connected: s.Connected, Master: string(s.Master), Primary: viewSocketStatus(s.Primary)}
	if s.Secondary != nil {
		secondary := viewSocketStatus(*s.Secondary)
		v.Secondary = &secondary
	}
	if s.HA != nil {
		v.HA = &client.HAStatus{Ready: s.HA.Ready, Since: s.HA.Since, Indicators: []client.Indicator{}}
		for _, i := range s.HA.Indicators {
			v.HA.Indicators = append(v.HA.Indicators, client.Indicator{Name: i.Name, OK: i.OK, Reason: i.Reason, Since: i.Since})
		}
	}
	return v
}

func viewSocketStatus(s status.Socket) client.SocketStatus {
	v := client.SocketStatus{Serial: s.Serial, Connection: string(s.Connection), Reason: s.Reason, Heard: moment(s.Heard),
		Role: s.Role.String(), Master: s.Master, PoP: s.PoP}
	if s.Version != (site.Version{}) {
		v.Version = s.Version.String()
	}
	return v
}
