package pages

import (
	"strconv"
	"strings"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// picture is the traffic's path through a site: from the LAN by the route table to
// the floating IP, the vSocket that has it, its tunnel and the PoP.
type picture struct {
	title, about string
	lines        []line
	boxes        []box
}

type line struct{ look, d string }

type box struct {
	look, x, y, w, h string
	texts            []label
}

type label struct{ look, x, y, text string }

// place is a box's on the canvas.
type place struct{ x, y, w, h int }

var (
	placeLAN       = place{10, 105, 150, 90}
	placeRoute     = place{205, 105, 150, 90}
	placeFIP       = place{400, 105, 130, 90}
	placePrimary   = place{580, 20, 190, 110}
	placeSecondary = place{580, 170, 190, 110}
	placeAlone     = place{580, 95, 190, 110}
	placeCloud     = place{830, 105, 120, 90}
)

func (p *picture) box(at place, look string, texts ...label) {
	for i := range texts {
		texts[i].x, texts[i].y = strconv.Itoa(at.x+12), strconv.Itoa(at.y+26+i*22)
	}
	p.boxes = append(p.boxes, box{look, strconv.Itoa(at.x), strconv.Itoa(at.y), strconv.Itoa(at.w), strconv.Itoa(at.h), texts})
}

// join draws from a box's right side to another's left.
func (p *picture) join(from, to place, look string) {
	x1, y1, x2, y2 := from.x+from.w, from.y+from.h/2, to.x, to.y+to.h/2
	middle := (x1 + x2) / 2
	n := strconv.Itoa
	p.lines = append(p.lines, line{look, "M" + n(x1) + " " + n(y1) + " C" + n(middle) + " " + n(y1) + " " + n(middle) + " " + n(y2) + " " + n(x2) + " " + n(y2)})
}

func pictureOf(f *Frame, s inventory.Site, now status.Site) picture {
	p := picture{title: f.T("picture.title", s.Name)}
	strong := func(text string) label { return label{look: "strong", text: text} }
	small := func(text string) label { return label{look: "small", text: text} }
	p.box(placeLAN, "", strong(f.T("picture.lan")), small(s.Native.Prefix.String()), small(f.N("picture.ranges", len(s.Ranges))))
	serving := now.Master == status.IsPrimary || now.Master == status.IsSecondary
	live := "idle"
	if serving {
		live = "live"
	}
	before := placeLAN
	nextHop := s.Native.LocalIP.String()
	p.box(placeRoute, "", strong(f.T("picture.route")), small("0.0.0.0/0 →"), small(nextHop))
	p.join(before, placeRoute, live)
	before = placeRoute
	if s.HA != nil {
		p.box(placeFIP, okBox(serving), strong(f.T("picture.fip")), small(s.HA.FloatingIP.String()), small(masterName(f, now)))
		p.join(before, placeFIP, live)
		before = placeFIP
	}
	p.about = f.T("picture.about", s.Native.Prefix, nextHop, masterName(f, now), haName(f, now))
	var pops []string
	for i, k := range sockets(now) {
		at := placeAlone
		switch {
		case now.Secondary == nil:
		case i == 0:
			at = placePrimary
		default:
			at = placeSecondary
		}
		p.vsocket(f, s, now, i, k, at, before)
		if k.PoP != "" && !strings.Contains(strings.Join(pops, " "), k.PoP) {
			pops = append(pops, k.PoP)
		}
	}
	p.box(placeCloud, okBox(now.Connected), strong(f.T("picture.cloud")), small(strings.Join(pops, ", ")))
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
	p.join(at, placeCloud, out)
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
	p.box(at, look, label{look: "strong", text: name}, label{look: "small", text: k.Serial},
		label{look: "small", text: address(lan) + " · " + version(f, k.Version)}, state)
	p.about += " " + f.T("picture.socket", f.T("side."+side.String()), roleName(f, k), f.T("connection."+string(k.Connection)))
}

func okBox(ok bool) string {
	if ok {
		return "ok"
	}
	return "bad"
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
