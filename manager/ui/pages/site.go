package pages

import (
	"strings"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/web/page"
)

// siteTabs are the parts of a site.
func siteTabs(f *Frame, s inventory.Site) (tabs []page.Link) {
	for _, part := range []struct{ path, key string }{{"", "tab.overview"}, {"/socket", "tab.socket"}, {"/networks", "tab.networks"},
		{"/analytics", "tab.analytics"}, {"/failovers", "tab.failovers"}, {"/events", "tab.events"}} {
		tabs = append(tabs, page.Link{Path: "/sites/" + s.ID + part.path, Label: f.T(part.key)})
	}
	if f.may(access.SiteChange) {
		tabs = append(tabs, page.Link{Path: "/sites/" + s.ID + "/settings", Label: f.T("settings.title")})
	}
	return tabs
}

// own is the page's path, without what was asked of it.
func (f *Frame) own() string {
	path, _, _ := strings.Cut(f.Path, "?")
	return path
}

// deeper are pages that a tab's page leads to.
var deeper = map[string]string{"secondary": "socket", "unassign": "socket", "restart": "socket", "delete": "settings"}

// at is the path of the tab that a page belongs to.
func (f *Frame) at(s inventory.Site) string {
	of := "/sites/" + s.ID
	part, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(f.own(), of), "/"), "/")
	if under, is := deeper[part]; is {
		part = under
	}
	if part == "" {
		return of
	}
	return of + "/" + part
}

// isMaster says whether a vSocket serves now.
func isMaster(now status.Site, k inventory.VSocket) bool {
	for _, one := range sockets(now) {
		if one.Serial == string(k.Serial) {
			return one.Master
		}
	}
	return false
}

func vsockets(s inventory.Site) []inventory.VSocket {
	if s.Secondary == nil {
		return []inventory.VSocket{s.Primary}
	}
	return []inventory.VSocket{s.Primary, *s.Secondary}
}

func connectedName(f *Frame, s status.Site) string {
	switch {
	case s.Connected:
		return f.T("connection.connected")
	case s.Health() == status.HealthNew:
		return f.T("connection.new")
	}
	return f.T("connection.disconnected")
}

func haName(f *Frame, s status.Site) string {
	switch {
	case s.HA == nil:
		return f.T("ha.off")
	case s.HA.Ready:
		return f.T("ha.ready")
	}
	return f.T("ha.not-ready")
}

func haLook(s status.Site) string {
	if s.HA == nil {
		return "idle"
	}
	return okLook(s.HA.Ready)
}

// masterLook: a site has one Master; two without HA settings are a split brain (B7).
func masterLook(s status.Site) string {
	switch s.Master {
	case status.IsPrimary, status.IsSecondary:
		return "ok"
	case status.NoMaster, "":
		return "idle"
	}
	return "bad"
}

// key is a name as keys of texts have it.
func key(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

func indicatorName(f *Frame, name string) string {
	if k := "indicator." + key(name); f.Has(k) {
		return f.T("indicator." + key(name))
	}
	return name
}

// todo is what to do about an indicator that isn't OK.
func todo(f *Frame, name string) string {
	if k := "todo." + key(name); f.Has(k) {
		return f.T("todo." + key(name))
	}
	return f.T("todo.other")
}

func reachedLook(generation, saved uint64) string {
	if generation >= saved {
		return "ok"
	}
	return "idle"
}

func reached(f *Frame, step string, generation, saved uint64) string {
	if generation >= saved {
		return f.T(step)
	}
	return f.T(step + "-not")
}
