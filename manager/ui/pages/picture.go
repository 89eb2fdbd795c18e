package pages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// picture is the traffic's path through a site: from the LAN by the route table to
// the floating IP, the vSocket that has it, its tunnel and the PoP.
type picture struct {
	plan         plan
	title, about string
	lines        []line
	boxes        []box
	notes        []label // beside lines
}

type line struct{ look, d string }

type box struct {
	look, x, y, w, h string
	sign             sign
	texts            []label
}

// sign is a box's icon.
type sign struct{ name, x, y string }

type label struct{ look, x, y, text string }

// place is a box's on the canvas.
type place struct{ x, y, w, h int }

// plan is where things are on a canvas.
type plan struct {
	look, canvas                                        string
	down                                                bool // the traffic goes down, not to the right
	lan, route, fip, primary, secondary, alone, outside place
}

var (
	wide = plan{look: "wide", canvas: "0 0 980 316", lan: place{10, 113, 150, 90}, route: place{196, 113, 184, 90}, fip: place{416, 113, 144, 90},
		primary: place{610, 8, 200, 112}, secondary: place{610, 196, 200, 112}, alone: place{610, 102, 200, 112}, outside: place{852, 113, 120, 90}}
	tall = plan{look: "tall", canvas: "0 0 360 570", down: true, lan: place{60, 5, 240, 86}, route: place{60, 115, 240, 86}, fip: place{60, 225, 240, 86},
		primary: place{4, 345, 166, 112}, secondary: place{190, 345, 166, 112}, alone: place{95, 345, 170, 112}, outside: place{90, 497, 180, 68}}
)

func (p *picture) box(at place, look, icon string, texts ...label) {
	for i := range texts {
		texts[i].x, texts[i].y = strconv.Itoa(at.x+14), strconv.Itoa(at.y+28+i*22)
	}
	p.boxes = append(p.boxes, box{look, strconv.Itoa(at.x), strconv.Itoa(at.y), strconv.Itoa(at.w), strconv.Itoa(at.h),
		sign{icon, strconv.Itoa(at.x + at.w - 30), strconv.Itoa(at.y + 12)}, texts})
}

// join draws from one box to another.
func (p *picture) join(from, to place, look string) {
	x1, y1, x2, y2 := from.x+from.w, from.y+from.h/2, to.x, to.y+to.h/2
	bend1, bend2 := [2]int{(x1 + x2) / 2, y1}, [2]int{(x1 + x2) / 2, y2}
	if p.plan.down {
		x1, y1, x2, y2 = from.x+from.w/2, from.y+from.h, to.x+to.w/2, to.y
		bend1, bend2 = [2]int{x1, (y1 + y2) / 2}, [2]int{x2, (y1 + y2) / 2}
	}
	p.lines = append(p.lines, line{look, fmt.Sprintf("M%d %d C%d %d %d %d %d %d", x1, y1, bend1[0], bend1[1], bend2[0], bend2[1], x2, y2)})
}

// keepalive joins the two vSockets: well, or cut.
func (p *picture) keepalive(f *Frame, now status.Site) {
	if now.HA == nil || now.Secondary == nil {
		return
	}
	well := !slices.ContainsFunc(now.HA.Indicators, func(i status.Indicator) bool { return i.Name == status.Keepalive && !i.OK })
	a, b := p.plan.primary, p.plan.secondary
	d, look := fmt.Sprintf("M%d %dV%d", a.x+a.w/2, a.y+a.h, b.y), "cut"
	if well {
		look = "heard"
	}
	if p.plan.down {
		d = fmt.Sprintf("M%d %dH%d", a.x+a.w, a.y+a.h/2, b.x)
	} else {
		p.notes = append(p.notes, label{"small " + okBox(well), strconv.Itoa(a.x + a.w/2 + 12), strconv.Itoa((a.y+a.h+b.y)/2 + 5), indicatorName(f, status.Keepalive)})
	}
	p.lines = append(p.lines, line{look, d})
}

func pictureOf(f *Frame, s inventory.Site, now status.Site, on plan) picture {
	if s.Secondary == nil {
		on = on.lone()
	}
	p := picture{plan: on, title: f.T("picture.title", s.Name)}
	strong := func(text string) label { return label{look: "strong", text: text} }
	small := func(text string) label { return label{look: "small", text: text} }
	p.box(on.lan, "", "sites", strong(f.T("picture.lan")), small(s.Native.Prefix.String()), small(f.N("picture.ranges", len(s.Ranges))))
	serving := now.Master == status.IsPrimary || now.Master == status.IsSecondary
	live := "idle"
	if serving {
		live = "live"
	}
	before := on.lan
	nextHop := s.Native.LocalIP.String()
	p.box(on.route, "", "route", strong(f.T("picture.route")), small("0.0.0.0/0 →"), small(nextHop))
	p.join(before, on.route, live)
	before = on.route
	if s.HA != nil {
		p.box(on.fip, okBox(serving), "pin", strong(f.T("picture.fip")), small(s.HA.FloatingIP.String()), small(masterName(f, now)))
		p.join(before, on.fip, live)
		before = on.fip
	}
	p.about = f.T("picture.about", s.Native.Prefix, nextHop, masterName(f, now), haName(f, now))
	var pops []string
	for i, k := range sockets(now) {
		at := on.alone
		switch {
		case now.Secondary == nil:
		case i == 0:
			at = on.primary
		default:
			at = on.secondary
		}
		p.vsocket(f, s, now, i, k, at, before)
		if k.PoP != "" && !strings.Contains(strings.Join(pops, " "), k.PoP) {
			pops = append(pops, k.PoP)
		}
	}
	p.keepalive(f, now)
	p.box(on.outside, cloudLook(now), "cloud", strong(f.T("picture.cloud")), small(strings.Join(pops, ", ")))
	return p
}

// vsocket draws one of the two, and its way in and out.
func (p *picture) vsocket(f *Frame, s inventory.Site, now status.Site, i int, k status.Socket, at, before place) {
	side, lan := site.Primary, s.Primary.LANIP
	if i == 1 && s.Secondary != nil {
		side, lan = site.Secondary, s.Secondary.LANIP
	}
	up := k.Connection == status.Up || k.Connection == status.Plain
	look, in, out := okBox(up), "idle", "idle"
	if k.Connection == status.New {
		look = ""
	}
	switch {
	case k.Master:
		in, out = "live", "live"
	case k.Connection == status.Down:
		in = "idle"
	}
	if k.Connection == status.Down {
		out = "cut"
	}
	p.join(before, at, in)
	p.join(at, p.plan.outside, out)
	state := label{look: "small", text: f.T("connection." + string(k.Connection))}
	switch k.Connection {
	case status.Up, status.Plain:
		state.look = "ok"
	case status.Down:
		state.look = "bad"
	}
	name := f.T("side." + side.String())
	if k.Master {
		name += " · " + f.T("picture.master")
	}
	icon, where := "socket", address(lan)
	if p.plan.down { // no room for it beside the name
		icon = ""
	}
	if k.Version != (site.Version{}) {
		where += " · " + k.Version.String()
	}
	p.box(at, look, icon, label{look: "strong", text: name}, label{look: "small", text: k.Serial}, label{look: "small", text: where}, state)
	p.about += " " + f.T("picture.socket", f.T("side."+side.String()), roleName(f, k), f.T("connection."+string(k.Connection)))
}

// lone is the plan of a site with one vSocket, without HA: no floating IP, nobody beside.
func (p plan) lone() plan {
	if p.down {
		p.canvas, p.alone, p.outside = "0 0 360 465", place{75, 225, 210, 112}, place{90, 367, 180, 86}
		return p
	}
	p.canvas = "0 0 980 132"
	for _, at := range []*place{&p.lan, &p.route, &p.alone, &p.outside} {
		at.y = 66 - at.h/2
	}
	p.route.x, p.alone.x = 262, 520
	return p
}

func okBox(ok bool) string {
	if ok {
		return "ok"
	}
	return "bad"
}

// cloudLook: what was never reached isn't lost.
func cloudLook(now status.Site) string {
	if now.Health() == status.HealthNew {
		return ""
	}
	return okBox(now.Connected)
}

func okLook(ok bool) string { return okBox(ok) }

func version(f *Frame, v site.Version) string {
	if v == (site.Version{}) {
		return f.T("version.unknown")
	}
	return v.String()
}

func roleName(f *Frame, k status.Socket) string {
	if k.Connection == status.New {
		return f.T("role-of.unknown")
	}
	return f.T("role-of." + k.Role.String())
}
