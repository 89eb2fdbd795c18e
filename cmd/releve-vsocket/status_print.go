package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// report is a status as a table.
type report struct{ *terminal.Table }

// printStatus writes a status for a person: the sentence first, then what it
// rests on.
func printStatus(out io.Writer, s *site.Status) error {
	r := &report{terminal.NewTable(out)}
	fmt.Fprintf(out, "%s, %s vSocket, version %s\n%s\n\n", r.Bold(s.Site), s.Side, s.Version, s.Summary)
	r.Row("Master", r.master(s))
	r.Row("Role", r.role(s))
	r.readiness(&s.HA)
	if s.HA.Configured {
		r.Row("Fit", r.fit(s.Fit, s.Reason))
		r.Row("Peer", r.peer(&s.Peer))
		r.Row("Floating IP", r.floatingIP(&s.FIP))
		r.change(s.FIP.Change)
	}
	r.Row("LAN to cloud", r.upward(&s.Gate))
	r.Row("Cloud to LAN", r.open(s.Gate.Down))
	if s.Tunnel != nil {
		r.Row("Tunnel", r.tunnel(s.Tunnel))
		r.Row("  carries", r.traffic(s.Tunnel))
	}
	if s.Settings != nil {
		r.Row("Settings", r.settings(s.Settings))
	}
	if s.HA.Configured {
		r.Row("Azure", r.azure(&s.Azure))
		r.Row("Keepalives", r.received(&s.Received))
	}
	return r.Write(out)
}

// master says plainly who forwards the site's traffic.
func (r *report) master(s *site.Status) string {
	switch {
	case !s.HA.Configured:
		return r.Bad("this vSocket, by itself") + ": no HA settings; a second vSocket of the site is Master as well"
	case s.Master:
		return r.Good("this vSocket") + " (" + s.Side.String() + ")"
	case s.Peer.Heard && s.Peer.Role == site.Active:
		return fmt.Sprintf("the other vSocket (%s)", s.Side.Peer())
	case s.Role == site.Active:
		return r.Wait("this vSocket") + ", not forwarding yet"
	case !s.Peer.Heard:
		return r.Wait("unknown") + ": this vSocket isn't, and the other isn't heard"
	}
	return r.Bad("nobody") + " at this moment"
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
		r.Row("HA", r.Bad("not set up"))
	case ha.Ready:
		r.Row("HA", r.Good("Ready"))
	default:
		r.Row("HA", r.Bad("Not ready"))
	}
	for _, indicator := range ha.Indicators {
		r.Row("  "+indicator.Name, r.verdict(indicator.OK, indicator.Reason, indicator.Since))
	}
}

func (r *report) verdict(ok bool, reason string, since float64) string {
	text := r.Good("OK")
	if !ok {
		text = r.Bad("not OK")
		if reason != "" {
			text += ": " + reason
		}
	}
	return text + r.Dim(", for "+terminal.Age(since))
}

func (r *report) fit(fit bool, reason string) string {
	if fit {
		return r.Good("yes")
	}
	return r.Bad("no") + ": " + reason
}

func (r *report) peer(p *site.PeerStatus) string {
	var heard []string
	for path := range p.AgeMS {
		heard = append(heard, path)
	}
	slices.Sort(heard)
	for i, path := range heard {
		heard[i] = fmt.Sprintf("%s %s ago", path, terminal.Age(p.AgeMS[path]/1000))
	}
	last := "never heard"
	if len(heard) > 0 {
		last = "heard on " + strings.Join(heard, ", ")
	}
	if !p.Heard {
		return r.Bad("silent") + "; " + last
	}
	text := p.Role.String() + ", fit"
	if !p.Fit {
		text = p.Role.String() + ", " + r.Bad("not fit") + " (" + p.Reason + ")"
	}
	return fmt.Sprintf("%s, version %s; %s", text, p.Version, last)
}

func (r *report) floatingIP(f *site.FIPStatus) string {
	places := map[string]string{
		"own": "on this vSocket's NIC", "peer": "on the other's NIC", "both": r.Bad("on both NICs"),
		"none": r.Bad("on no NIC"), "unknown": r.Wait("not seen at Azure yet"),
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
		return r.Good("open") + r.Dim(fmt.Sprintf(", for %s more unless renewed", terminal.Age(g.ServeMS/1000)))
	case g.DrainMS > 0:
		return r.Wait("draining") + r.Dim(fmt.Sprintf(", for %s at most", terminal.Age(g.DrainMS/1000)))
	}
	return "closed"
}

func (r *report) open(open bool) string {
	if open {
		return r.Good("open")
	}
	return "closed"
}

func (r *report) tunnel(t *site.TunnelStatus) string {
	text := fmt.Sprintf("%s (%s), ", t.PoP, t.Endpoint)
	switch {
	case t.Up:
		text += r.Good("up") + r.Dim(", handshake "+terminal.Age(*t.Handshake)+" ago")
	case t.Handshake != nil:
		text += r.Bad("down") + r.Dim(", handshake "+terminal.Age(*t.Handshake)+" ago")
	default:
		text += r.Bad("down") + r.Dim(", no handshake yet")
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
	return fmt.Sprintf("%s up, %s down", terminal.Scaled(t.SentRate, "bit/s"), terminal.Scaled(t.ReceivedRate, "bit/s")) +
		r.Dim(fmt.Sprintf("; %s and %s in all", terminal.Scaled(float64(t.Sent), "B"), terminal.Scaled(float64(t.Received), "B")))
}

// settings says how far the manager's have come.
func (r *report) settings(s *site.SettingsStatus) string {
	text := fmt.Sprintf("generation %d", s.Applied)
	if s.Saved == s.Applied && s.Problem == "" {
		return r.Good(text)
	}
	if s.Applied == 0 {
		text = "none as a whole"
	}
	text = r.Wait(text) + fmt.Sprintf(", generation %d is saved", s.Saved)
	if s.Problem != "" {
		text += ": " + strings.ReplaceAll(s.Problem, "\n", "; ")
	}
	return text
}

func (r *report) azure(a *site.AzureStatus) string {
	if a.OK {
		return r.Good("reached") + r.Dim(", for "+terminal.Age(a.Since))
	}
	text := r.Bad("not reached")
	if a.Problem != "" {
		text += ": " + a.Problem
	}
	return text + r.Dim(", for "+terminal.Age(a.Since))
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
