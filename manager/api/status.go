package api

import (
	"context"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/watch"
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

// Status is each site's; *presence.Service has it.
type Status = watch.Status

var _ Status = (*presence.Service)(nil)

func (a *API) registerStatus() {
	register(a, operation{id: "get-status", method: http.MethodGet, path: "/sites/{site}/status", tag: "status", action: access.SiteRead,
		summary: "Show a site's status", about: "Ready or not and why (F1), who is Master (F2, B7), each vSocket's connection (F3): the same whichever manager is asked."}, a.status)
	register(a, operation{id: "watch-status", method: http.MethodGet, path: "/sites/{site}/status/stream", tag: "status", action: access.SiteRead,
		summary: "Watch a site's status", about: "Server-sent events: each has a Status as its data, at once and after each change. While somebody watches, the vSockets report each second."}, a.watchStatus)
}

func (a *API) status(ctx context.Context, c *caller, in *SiteID) (*struct{ Body client.Status }, error) {
	s, err := a.Inventory.Site(ctx, c.actor(), in.Site)
	if err != nil {
		return nil, err
	}
	judged, err := a.Status.Site(ctx, c.who.Account, s.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body client.Status }{viewStatus(s.ID, judged)}, nil
}

func (a *API) watchStatus(ctx context.Context, c *caller, in *SiteID) (*huma.StreamResponse, error) {
	s, err := a.Inventory.Site(ctx, c.actor(), in.Site)
	if err != nil {
		return nil, err
	}
	return streaming(func(ctx context.Context, out *stream) error {
		watching := watch.Watcher{Inventory: a.Inventory, Status: a.Status, Fleet: a.Fleet}
		return watching.Site(ctx, c.actor(), s.ID, func(s inventory.Site, now status.Site) error { return out.send(0, viewStatus(s.ID, now)) })
	}), nil
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
