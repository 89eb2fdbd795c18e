package pages

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/webui/links"
)

// Now is what the vSocket is at this moment.
type Now struct {
	Status *site.Status // nil: the agent doesn't say
	Wrong  string       // why not
	Links  []links.Link
}

// master says plainly who forwards the site's traffic.
func (f *Frame) master(s *site.Status) (look, text string) {
	switch {
	case !s.HA.Configured:
		return "warn", f.T("master.alone")
	case s.Master:
		return "ok", f.T("master.this")
	case s.Peer.Heard && s.Peer.Role == site.Active:
		return "ok", f.T("master.other")
	case s.Role == site.Active:
		return "warn", f.T("master.not-yet")
	case !s.Peer.Heard:
		return "warn", f.T("master.unknown")
	}
	return "bad", f.T("master.nobody")
}

// role is the word of vendor-system.md (a): Master or Standby.
func (f *Frame) role(s *site.Status) (look, text string) {
	switch {
	case !s.HA.Configured || s.Master:
		return "ok", f.T("role.master")
	case s.Role == site.Active || s.Role == site.Claiming:
		return "warn", f.T("role." + s.Role.String())
	}
	return "idle", f.T("role." + s.Role.String())
}

func (f *Frame) ready(s *site.Status) (look, text string) {
	switch {
	case !s.HA.Configured:
		return "warn", f.T("ha.none")
	case s.HA.Ready:
		return "ok", f.T("ha.ready")
	}
	return "bad", f.T("ha.not-ready")
}

func okLook(ok bool) string {
	if ok {
		return "ok"
	}
	return "bad"
}

// linkLooks are the source's colours: green, orange, purple, red, grey.
var linkLooks = map[links.State]string{links.Connected: "ok", links.NoCloud: "warn", links.NoAddress: "addressless", links.Down: "bad", links.Unplugged: "idle"}

func (f *Frame) fip(s *site.FIPStatus) (look, text string) {
	switch s.On {
	case "own", "peer":
		return "ok", f.T("fip." + s.On)
	case "both", "none":
		return "bad", f.T("fip." + s.On)
	}
	return "warn", f.T("fip.unknown")
}

func (f *Frame) upward(g *site.GateStatus) (look, text string) {
	switch {
	case g.ServeMS > 0:
		return "ok", f.T("gate.open")
	case g.DrainMS > 0:
		return "warn", f.T("gate.draining")
	}
	return "idle", f.T("gate.closed")
}

func (f *Frame) downward(open bool) (look, text string) {
	if open {
		return "ok", f.T("gate.open")
	}
	return "idle", f.T("gate.closed")
}

func (f *Frame) tunnel(t *site.TunnelStatus) (look, text string) {
	if !t.Up {
		return "bad", f.T("tunnel.down")
	}
	return "ok", f.T("tunnel.up-to", t.PoP)
}

// heard says on which paths the other was heard, and when.
func (f *Frame) heard(p *site.PeerStatus) string {
	var parts []string
	for _, path := range slices.Sorted(maps.Keys(p.AgeMS)) {
		parts = append(parts, f.T("peer.heard", strings.ToUpper(path), f.span(p.AgeMS[path]/1000)))
	}
	if len(parts) == 0 {
		return f.T("peer.never")
	}
	return strings.Join(parts, ", ")
}

func (f *Frame) percent(p *float64) string {
	if p == nil {
		return "–"
	}
	return f.decimal(fmt.Sprintf("%.1f %%", *p))
}

func (f *Frame) figure(ms *float64) string {
	if ms == nil {
		return "–"
	}
	return f.decimal(fmt.Sprintf("%.1f ms", *ms))
}

// term says who holds it.
func (f *Frame) term(s *site.Status) string {
	if s.Term == 0 {
		return "–"
	}
	return f.T("role.term", uint64(s.Term), f.T("side."+s.Holder.String()))
}

// indicators are all of the readiness, with what to do where there is a known way.
func (f *Frame) remedy(i site.Indicator) string {
	if i.OK || !f.Has("remedy."+i.Name) {
		return ""
	}
	return f.T("remedy." + i.Name)
}

// indicator is a condition's name in this language.
func (f *Frame) indicator(name string) string {
	if f.Has("indicator." + name) {
		return f.T("indicator." + name)
	}
	return name
}
