package status

import (
	"fmt"
	"slices"
	"time"

	"releve.dev/releve/site"
)

// Fresh is for how long what a vSocket has said holds: it says something at least
// every 25 s, so two in a row are lost by then.
const Fresh = 60 * time.Second

// settle is how long a vSocket that isn't Master any more may take to say so.
const settle = 5 * time.Second

// Judge makes the status now. before is the one before, nil at first: what hasn't
// changed has been so since then.
func Judge(now time.Time, before *Site, in Input) Site {
	if before == nil {
		before = &Site{}
	}
	s := Site{Type: Type}
	s.Primary = socketOf(now, &before.Primary, in.Primary)
	if in.Secondary != nil {
		was := before.Secondary
		if was == nil {
			was = &Socket{}
		}
		secondary := socketOf(now, was, *in.Secondary)
		s.Secondary = &secondary
	}
	masters(now, &s, &in)
	s.Since = since(now, before.Since, s.Master == before.Master)
	s.Connected = s.Primary.connected() || s.Secondary != nil && s.Secondary.connected()
	if in.HA && in.Secondary != nil {
		s.HA = judgeHA(now, before.HA, &s, &in)
	}
	s.Summary = summary(&s)
	return s
}

// since is when what it is began.
func since(now, before time.Time, same bool) time.Time {
	if same && !before.IsZero() {
		return before
	}
	return now
}

// Due is when time alone may change what Judge says now; zero: never.
func Due(now time.Time, in Input) time.Time {
	var due time.Time
	at := func(t time.Time) {
		if t.After(now) && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	for _, r := range pair(&in) {
		if r.Report == nil || r.Status == nil || !r.fresh(now) {
			continue
		}
		if !r.Here {
			at(r.Heard.Add(Fresh + time.Millisecond))
		}
		if p, q := in.Primary.Status, in.Secondary; p != nil && q != nil && q.Status != nil && p.Master && q.Status.Master {
			at(r.At.Add(settle + time.Millisecond))
		}
	}
	return due
}

func (r *Report) fresh(now time.Time) bool {
	return r.Status != nil && now.Sub(r.Heard) <= Fresh
}

func (k *Socket) connected() bool { return k.Connection == Up || k.Connection == Plain }

// socketOf is one vSocket's (F3).
func socketOf(now time.Time, before *Socket, r Report) Socket {
	k := Socket{Serial: r.Serial, Heard: r.Heard, Connection: New, Reason: "it has never connected"}
	if st := r.Status; st != nil {
		k.Version, k.Role = st.Version, st.Role
		has, up, why := st.Cloud()
		k.Connection, k.Reason = Up, ""
		switch {
		case !r.fresh(now):
			k.Silent = true
			k.Connection, k.Reason = Down, "nothing heard since "+r.Heard.UTC().Format("2006-01-02 15:04:05 UTC")
		case !has:
			k.Connection = Plain
		case !up:
			k.Connection, k.Reason = Down, why
			if why == "" {
				k.Reason = "its tunnel is down"
			}
		}
		if has {
			k.PoP = st.Tunnel.PoP
		}
	}
	k.Since = since(now, before.Since, before.Serial == k.Serial && before.Connection == k.Connection)
	return k
}

// masters says who serves. When the Master dies its last word is that it is one,
// and its peer's first that it is, in a higher term: the older word counts no more,
// unless its vSocket is heard again and doesn't take it back.
func masters(now time.Time, s *Site, in *Input) {
	is := func(r *Report) bool { return r != nil && r.fresh(now) && r.Status.Master }
	primary, secondary := is(&in.Primary), is(in.Secondary)
	if primary && secondary {
		p, q := &in.Primary, in.Secondary
		switch {
		case p.Status.Term < q.Status.Term:
			primary = p.Heard.Sub(q.At) > settle
		case p.Status.Term > q.Status.Term:
			secondary = q.Heard.Sub(p.At) > settle
		}
	}
	s.Primary.Master, s.Master = primary, NoMaster
	if s.Secondary != nil {
		s.Secondary.Master = secondary
	}
	switch {
	case primary && secondary:
		s.Master = Both
	case primary:
		s.Master = IsPrimary
	case secondary:
		s.Master = IsSecondary
	}
}

func judgeHA(now time.Time, before *HA, s *Site, in *Input) *HA {
	if before == nil {
		before = &HA{}
	}
	h := &HA{Ready: true}
	add := func(name, problem string) {
		i := Indicator{Name: name, OK: problem == "", Reason: problem, Since: now}
		for _, was := range before.Indicators {
			if was.Name == name {
				i.Since = since(now, was.Since, was.OK == i.OK)
			}
		}
		h.Ready = h.Ready && i.OK
		h.Indicators = append(h.Indicators, i)
	}
	add(Connected, connectedProblem(s))
	add(Keepalive, keepaliveProblem(now, s, in))
	add(SameVersion, versionProblem(s))
	for _, name := range others(in) {
		add(name, said(now, in, name))
	}
	h.Since = since(now, before.Since, h.Ready == before.Ready)
	return h
}

func connectedProblem(s *Site) string {
	switch {
	case !s.Primary.connected():
		return "the primary: " + s.Primary.Reason
	case !s.Secondary.connected():
		return "the secondary: " + s.Secondary.Reason
	}
	return ""
}

func keepaliveProblem(now time.Time, s *Site, in *Input) string {
	if s.Master == Both {
		return "both vSockets are Master"
	}
	for _, r := range pair(in) {
		if r.fresh(now) && !r.Status.HA.Configured {
			return fmt.Sprintf("the %s runs without HA settings", r.side)
		}
	}
	if !in.Primary.fresh(now) && !in.Secondary.fresh(now) {
		return "neither vSocket is heard"
	}
	return said(now, in, Keepalive)
}

// versionProblem holds also for what a vSocket was when it was heard last.
func versionProblem(s *Site) string {
	p, q := s.Primary.Version, s.Secondary.Version
	none := site.Version{}
	switch {
	case p == none:
		return "the primary's version is not known"
	case q == none:
		return "the secondary's version is not known"
	case !p.AtLeast(site.HAVersion):
		return fmt.Sprintf("the primary's version %s is below %s", p, site.HAVersion)
	case !q.AtLeast(site.HAVersion):
		return fmt.Sprintf("the secondary's version %s is below %s", q, site.HAVersion)
	case !p.Compatible(q):
		return fmt.Sprintf("the primary has version %s, the secondary %s", p, q)
	}
	return ""
}

// sided is a report and whose it is.
type sided struct {
	*Report
	side site.Side
}

func pair(in *Input) [2]sided {
	return [2]sided{{&in.Primary, site.Primary}, {in.Secondary, site.Secondary}}
}

// said is what the vSockets themselves say against an indicator.
func said(now time.Time, in *Input, name string) string {
	for _, r := range pair(in) {
		if !r.fresh(now) {
			continue
		}
		for _, i := range r.Status.HA.Indicators {
			if i.Name == name && !i.OK {
				return fmt.Sprintf("the %s: %s", r.side, i.Reason)
			}
		}
	}
	return ""
}

// others are the vSockets' further indicators, in their order.
func others(in *Input) []string {
	var names []string
	for _, r := range pair(in) {
		if r.Status == nil {
			continue
		}
		for _, i := range r.Status.HA.Indicators {
			if !slices.Contains([]string{Connected, Keepalive, SameVersion}, i.Name) && !slices.Contains(names, i.Name) {
				names = append(names, i.Name)
			}
		}
	}
	return names
}

// summary is what a person reads first.
func summary(s *Site) string {
	if s.HA == nil {
		switch {
		case s.Master == Both:
			return "Both vSockets are Master, for the site has no HA settings: run the HA set-up."
		case s.Secondary != nil:
			return "High availability is not set up."
		case !s.Connected:
			return "The vSocket is not connected: " + s.Primary.Reason + "."
		}
		return "One vSocket, connected."
	}
	for _, i := range s.HA.Indicators {
		if !i.OK {
			return fmt.Sprintf("HA is Not ready (%s: %s). Master: %s.", i.Name, i.Reason, s.Master)
		}
	}
	return fmt.Sprintf("HA is Ready. Master: %s.", s.Master)
}
