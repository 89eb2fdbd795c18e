package api

import (
	"context"
	"net/http"
	"strconv"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/input"
	"releve.dev/releve/manager/inventory"
)

// oneSite is a site as an answer.
type oneSite struct {
	Status int
	ETag   string `header:"ETag" doc:"The site's generation, for If-Match"`
	Body   client.Site
}

func answerSite(s inventory.Site, err error) (*oneSite, error) {
	if err != nil {
		return nil, err
	}
	return &oneSite{Status: http.StatusOK, ETag: etag(s.Generation), Body: viewSite(s)}, nil
}

func etag(generation uint64) string { return `"` + strconv.FormatUint(generation, 10) + `"` }

// SiteID names a site.
type SiteID struct {
	Site string `path:"site" maxLength:"64"`
}

type nothing struct{}

func (a *API) registerSites() {
	read, set := access.SiteRead, access.SiteChange
	register(a, operation{id: "list-sites", method: http.MethodGet, path: "/sites", tag: "sites", action: read,
		summary: "List sites"}, a.listSites)
	register(a, operation{id: "create-site", method: http.MethodPost, path: "/sites", tag: "sites", action: set,
		summary: "Create a site", about: "An Azure site; its primary vSocket gets a serial number (E1).", status: http.StatusCreated}, a.createSite)
	register(a, operation{id: "get-site", method: http.MethodGet, path: "/sites/{site}", tag: "sites", action: read,
		summary: "Show a site"}, a.site)
	register(a, operation{id: "set-site", method: http.MethodPatch, path: "/sites/{site}", tag: "sites", action: set,
		summary: "Rename or tag a site, or choose its PoPs"}, a.setSite)
	register(a, operation{id: "delete-site", method: http.MethodDelete, path: "/sites/{site}", tag: "sites", action: set,
		summary: "Delete a site", about: "Its serial numbers are void for ever.", status: http.StatusNoContent}, a.deleteSite)
	register(a, operation{id: "add-secondary", method: http.MethodPost, path: "/sites/{site}/secondary", tag: "sites", action: set,
		summary: "Add the secondary vSocket", about: "It gets a serial number, high availability is on, and the native range's local IP is the floating IP (E3 to E5)."}, a.addSecondary)
	register(a, operation{id: "unassign-secondary", method: http.MethodDelete, path: "/sites/{site}/secondary", tag: "sites", action: access.SocketUnassign,
		summary: "Unassign the secondary vSocket", about: "It can't be undone: the serial number is void for ever, the vSocket can no longer connect, high availability is off (E9). A session must have given its password within five minutes; a token must have the scope."}, a.unassign)
	register(a, operation{id: "set-ha", method: http.MethodPatch, path: "/sites/{site}/ha", tag: "sites", action: set,
		summary: "Change the high-availability section", about: "The native range's local IP follows the floating IP (E7). How a running pair takes the settings: decision 9."}, a.setHA)
}

func (a *API) listSites(ctx context.Context, c *caller, in *struct {
	Paging
	Name string `query:"name" maxLength:"200" doc:"Only the site with this name"`
}) (*struct{ Body client.Page[client.Site] }, error) {
	if in.Name != "" {
		list, err := a.Inventory.SiteNamed(ctx, c.actor(), in.Name)
		return answerPage(list, viewSite), err
	}
	list, err := a.Inventory.Sites(ctx, c.actor(), in.page())
	if err != nil {
		return nil, err
	}
	return answerPage(list, viewSite), nil
}

// answerPage shows a part of a list.
func answerPage[T, V any](list inventory.List[T], view func(T) V) *struct{ Body client.Page[V] } {
	out := &struct{ Body client.Page[V] }{}
	out.Body.Items, out.Body.Next = make([]V, 0, len(list.Items)), list.Next
	for _, item := range list.Items {
		out.Body.Items = append(out.Body.Items, view(item))
	}
	return out
}

func (a *API) createSite(ctx context.Context, c *caller, in *struct {
	Asked
	Body client.NewSite
}) (*oneSite, error) {
	var r input.Reader
	n := inventory.NewSite{Name: in.Body.Name, Native: r.Subnet("subnet", in.Body.Subnet), LocalIP: r.Addr("local_ip", in.Body.LocalIP), Tags: in.Body.Tags}
	if err := r.Err(); err != nil {
		return nil, err
	}
	out, err := answerSite(a.Inventory.CreateSite(ctx, c.actor(), n, inventory.Change{DryRun: in.DryRun}))
	if err == nil && !in.DryRun {
		out.Status = http.StatusCreated
	}
	return out, err
}

func (a *API) site(ctx context.Context, c *caller, in *SiteID) (*oneSite, error) {
	return answerSite(a.Inventory.Site(ctx, c.actor(), in.Site))
}

func (a *API) setSite(ctx context.Context, c *caller, in *struct {
	Change
	Body client.SiteChange
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.SetSite(ctx, c.actor(), in.Site, how, inventory.Fields{Name: in.Body.Name, PoPs: in.Body.PoPs, Tags: in.Body.Tags}))
}

func (a *API) deleteSite(ctx context.Context, c *caller, in *struct{ Change }) (*nothing, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	return nil, a.Inventory.DeleteSite(ctx, c.actor(), in.Site, how)
}

func (a *API) addSecondary(ctx context.Context, c *caller, in *struct {
	Change
	Body client.NewSecondary
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	var r input.Reader
	n := inventory.Secondary{LANIP: r.Addr("lan_ip", in.Body.LANIP), FloatingIP: r.Addr("floating_ip", in.Body.FloatingIP)}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.AddSecondary(ctx, c.actor(), in.Site, how, n))
}

func (a *API) unassign(ctx context.Context, c *caller, in *struct{ Change }) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	if !how.DryRun {
		if err := a.Access.NeedConfirmed(c.who); err != nil {
			return nil, err
		}
	}
	return answerSite(a.Inventory.Unassign(ctx, c.actor(), in.Site, how))
}

func (a *API) setHA(ctx context.Context, c *caller, in *struct {
	Change
	Body client.HAChange
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	var r input.Reader
	b := in.Body
	h := inventory.HAChange{FloatingIP: r.Addr("floating_ip", b.FloatingIP), PrimaryIP: r.Addr("primary_ip", b.PrimaryIP),
		SecondaryIP: r.Addr("secondary_ip", b.SecondaryIP),
		Keepalive:   r.Span("keepalive", b.Keepalive), Silent: r.Span("silent", b.Silent), Lease: r.Span("lease", b.Lease),
		Confirm: r.Span("confirm", b.Confirm), Hold: r.Span("hold", b.Hold), Preempt: b.Preempt, Alone: b.Alone, Third: b.Third}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.SetHA(ctx, c.actor(), in.Site, how, h))
}
