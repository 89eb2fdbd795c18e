package pages

import (
	"strings"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
)

// at says that this is the page of a path, or one that it leads to.
func (f *Frame) at(path string) bool {
	own, _, _ := strings.Cut(f.Path, "?")
	for deeper, tab := range map[string]string{"/secondary": "/socket", "/unassign": "/socket", "/restart/primary": "/socket", "/restart/secondary": "/socket", "/delete": "/settings"} {
		if base, is := strings.CutSuffix(own, deeper); is {
			own = base + tab
			break
		}
	}
	return own == path
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
