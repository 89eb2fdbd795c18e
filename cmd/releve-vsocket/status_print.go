package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"releve.dev/releve/site"
)

// report is a two-column table of a status.
type report struct {
	palette
	rows [][2]string
}

func (r *report) row(name, value string) { r.rows = append(r.rows, [2]string{name, value}) }

// printStatus writes a status for a person: the sentence first, then what it
// rests on.
func printStatus(out io.Writer, s *site.Status) error {
	r := &report{palette: paletteFor(out)}
	fmt.Fprintf(out, "%s, %s vSocket, version %s\n%s\n\n", r.bold(s.Site), s.Side, s.Version, s.Summary)
	r.row("Master", r.master(s))
	r.row("Role", r.role(s))
	r.readiness(&s.HA)
	if s.HA.Configured {
		r.row("Fit", r.fit(s.Fit, s.Reason))
		r.row("Peer", r.peer(&s.Peer))
		r.row("Floating IP", r.floatingIP(&s.FIP))
	}
	r.row("LAN to cloud", r.upward(&s.Gate))
	r.row("Cloud to LAN", r.open(s.Gate.Down))
	if s.Tunnel != nil {
		r.row("Tunnel", r.tunnel(s.Tunnel))
		r.row("  carries", r.traffic(s.Tunnel))
	}
	if s.HA.Configured {
		r.row("Azure", r.azure(&s.Azure))
		r.row("Keepalives", r.received(&s.Received))
	}
	return r.write(out)
}

func (r *report) write(out io.Writer) error {
	width := 0
	for _, row := range r.rows {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	for _, row := range r.rows {
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(row[0]))
		if _, err := fmt.Fprintf(out, "  %s%s  %s\n", row[0], pad, row[1]); err != nil {
			return err
		}
	}
	return nil
}

// master says plainly who forwards the site's traffic.
func (r *report) master(s *site.Status) string {
	switch {
	case !s.HA.Configured:
		return r.bad("this vSocket, by itself") + ": no HA settings; a second vSocket of the site is Master as well"
	case s.Master:
		return r.good("this vSocket") + " (" + s.Side.String() + ")"
	case s.Peer.Heard && s.Peer.Role == site.Active:
		return fmt.Sprintf("the other vSocket (%s)", s.Side.Peer())
	case s.Role == site.Active:
		return r.wait("this vSocket") + ", not forwarding yet"
	case !s.Peer.Heard:
		return r.wait("unknown") + ": this vSocket isn't, and the other isn't heard"
	}
	return r.bad("nobody") + " at this moment"
}

func (r *report) role(s *site.Status) string {
	text := s.Role.String()
	if s.Term > 0 {
		text += fmt.Sprintf(", term %d held by the %s", s.Term, s.Holder)
	}
	return text
}

func (r *report) readiness(ha *site.HAStatus) {
	switch {
	case !ha.Configured:
		r.row("HA", r.bad("not set up"))
	case ha.Ready:
		r.row("HA", r.good("Ready"))
	default:
		r.row("HA", r.bad("Not ready"))
	}
	for _, indicator := range ha.Indicators {
		r.row("  "+indicator.Name, r.verdict(indicator.OK, indicator.Reason, indicator.Since))
	}
}

func (r *report) verdict(ok bool, reason string, since float64) string {
	text := r.good("OK")
	if !ok {
		text = r.bad("not OK")
		if reason != "" {
			text += ": " + reason
		}
	}
	return text + r.dim(", for "+age(since))
}

func (r *report) fit(fit bool, reason string) string {
	if fit {
		return r.good("yes")
	}
	return r.bad("no") + ": " + reason
}

func (r *report) peer(p *site.PeerStatus) string {
	var heard []string
	for path := range p.AgeMS {
		heard = append(heard, path)
	}
	slices.Sort(heard)
	for i, path := range heard {
		heard[i] = fmt.Sprintf("%s %s ago", path, age(p.AgeMS[path]/1000))
	}
	last := "never heard"
	if len(heard) > 0 {
		last = "heard on " + strings.Join(heard, ", ")
	}
	if !p.Heard {
		return r.bad("silent") + "; " + last
	}
	text := p.Role.String() + ", fit"
	if !p.Fit {
		text = p.Role.String() + ", " + r.bad("not fit") + " (" + p.Reason + ")"
	}
	return fmt.Sprintf("%s, version %s; %s", text, p.Version, last)
}

func (r *report) floatingIP(f *site.FIPStatus) string {
	places := map[string]string{
		"own": "on this vSocket's NIC", "peer": "on the other's NIC", "both": r.bad("on both NICs"),
		"none": r.bad("on no NIC"), "unknown": r.wait("not seen at Azure yet"),
	}
	place, known := places[f.On]
	if !known {
		place = f.On
	}
	text := fmt.Sprintf("%s, %s", f.Address, place)
	if f.Guest {
		text += ", in this guest"
	}
	if f.Steered {
		text += ", at rest"
	}
	return text
}

func (r *report) upward(g *site.GateStatus) string {
	switch {
	case g.ServeMS > 0:
		return r.good("open") + r.dim(fmt.Sprintf(", for %s more unless renewed", age(g.ServeMS/1000)))
	case g.DrainMS > 0:
		return r.wait("draining") + r.dim(fmt.Sprintf(", for %s at most", age(g.DrainMS/1000)))
	}
	return "closed"
}

func (r *report) open(open bool) string {
	if open {
		return r.good("open")
	}
	return "closed"
}

func (r *report) tunnel(t *site.TunnelStatus) string {
	text := fmt.Sprintf("%s (%s), ", t.PoP, t.Endpoint)
	switch {
	case t.Up:
		text += r.good("up") + r.dim(", handshake "+age(*t.Handshake)+" ago")
	case t.Handshake != nil:
		text += r.bad("down") + r.dim(", handshake "+age(*t.Handshake)+" ago")
	default:
		text += r.bad("down") + r.dim(", no handshake yet")
	}
	if t.Latency != nil {
		text += fmt.Sprintf(", %.1f ms", *t.Latency)
	}
	if t.Loss != nil {
		text += fmt.Sprintf(", %.1f %% lost", *t.Loss)
	}
	if t.Problem != "" {
		text += ": " + t.Problem
	}
	return text
}

func (r *report) traffic(t *site.TunnelStatus) string {
	return fmt.Sprintf("%s up, %s down", scaled(t.SentRate, "bit/s"), scaled(t.ReceivedRate, "bit/s")) +
		r.dim(fmt.Sprintf("; %s and %s in all", scaled(float64(t.Sent), "B"), scaled(float64(t.Received), "B")))
}

// scaled writes a figure with as few digits as tell something.
func scaled(n float64, unit string) string {
	for _, prefix := range []string{"", "k", "M", "G"} {
		if n < 999.5 {
			return fmt.Sprintf("%.3g %s%s", n, prefix, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.0f T%s", n, unit)
}

func (r *report) azure(a *site.AzureStatus) string {
	if a.OK {
		return r.good("reached") + r.dim(", for "+age(a.Since))
	}
	text := r.bad("not reached")
	if a.Problem != "" {
		text += ": " + a.Problem
	}
	return text + r.dim(", for "+age(a.Since))
}

func (r *report) received(c *site.Received) string {
	text := fmt.Sprintf("%d good", c.Good)
	for _, kind := range []struct {
		count uint64
		name  string
	}{{c.Malformed, "malformed"}, {c.Forged, "forged"}, {c.Replayed, "replayed"}} {
		if kind.count > 0 {
			text += fmt.Sprintf(", %d %s", kind.count, kind.name)
		}
	}
	return text
}

// age writes seconds as short as they can be read.
func age(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
