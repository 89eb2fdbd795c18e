package api

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// siteType is what the source calls it (F2).
const siteType = "Azure vSocket"

func viewSite(s inventory.Site) client.Site {
	v := client.Site{ID: s.ID, Name: s.Name, Type: siteType, Number: s.Number, Generation: s.Generation, Created: s.CreatedAt, Changed: s.ChangedAt,
		Native:   client.Native{Subnet: s.Native.Prefix.String(), LocalIP: s.Native.LocalIP.String()},
		Networks: []client.Network{}, Primary: viewSocket(s.Primary), CanAddSecondary: s.CanAddSecondary}
	for _, r := range s.Ranges {
		v.Networks = append(v.Networks, client.Network{ID: r.ID, Name: r.Name, Subnet: r.Prefix.String(), Gateway: text(r.Gateway)})
	}
	if s.Secondary != nil {
		secondary := viewSocket(*s.Secondary)
		v.Secondary = &secondary
	}
	if s.HA != nil {
		v.HA = &client.HA{FloatingIP: text(s.HA.FloatingIP), PrimaryIP: text(s.HA.PrimaryIP), SecondaryIP: text(s.HA.SecondaryIP),
			Settings: viewHASettings(s.HA.Settings)}
	}
	for _, p := range s.PoPs {
		v.PoPs = append(v.PoPs, p.Name)
	}
	return v
}

func viewHASettings(h site.HASettings) client.HASettings {
	return client.HASettings{Keepalive: span(h.Keepalive), Silent: span(h.Silent), Lease: span(h.Lease), Confirm: span(h.Confirm), Hold: span(h.Hold),
		Preempt: h.Preempt, Alone: h.Alone, Third: h.Third}
}

// span is a time as people write it; 0 is none.
func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func viewSocket(s inventory.VSocket) client.Socket {
	v := client.Socket{Serial: string(s.Serial), Role: s.Side.String(), State: string(s.State), LANIP: text(s.LANIP),
		Seen: moment(s.SeenAt), Delivered: s.Delivered, Applied: s.Applied, Problem: s.Problem, MGMTIP: text(s.Told.MGMTIP), KeyUntil: moment(s.KeyUntil)}
	if s.Version != (site.Version{}) {
		v.Version = s.Version.String()
	}
	return v
}

func viewAudit(r inventory.AuditRow) client.AuditRow {
	return client.AuditRow{ID: r.ID, At: r.At, Actor: r.Actor, Action: r.Action, Target: r.Target,
		Before: raw(r.Before), After: raw(r.After), Request: r.Request}
}

func raw(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// text of an address; the zero one has none.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// reader reads addresses out of an input and keeps what is wrong.
type reader struct{ faults []site.Fault }

func (r *reader) addr(field, text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		r.faults = append(r.faults, site.Fault{Field: field, Rule: "address", Message: fmt.Sprintf("%q isn't an IPv4 address", text)})
		return netip.Addr{}
	}
	return a
}

// span reads a time; "" is 0, which is left out, and a 0 that is written is none.
func (r *reader) span(field string, text *string) *time.Duration {
	if text == nil {
		return nil
	}
	if *text == "" {
		return new(time.Duration)
	}
	d, err := time.ParseDuration(*text)
	if err != nil || d == 0 {
		r.faults = append(r.faults, site.Fault{Field: field, Rule: site.RuleTimer, Message: fmt.Sprintf("%s %q isn't a time such as 200ms or 10s", field, *text)})
		return nil
	}
	return &d
}

// subnet has no host bits, or it is refused: somebody meant another.
func (r *reader) subnet(field, text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !p.Addr().Is4():
		r.faults = append(r.faults, site.Fault{Field: field, Rule: "subnet", Message: fmt.Sprintf("%q isn't an IPv4 subnet, such as 10.0.1.0/24", text)})
	case p != p.Masked():
		r.faults = append(r.faults, site.Fault{Field: field, Rule: "subnet",
			Message: fmt.Sprintf("%s is an address within the subnet %s", p, p.Masked())})
	default:
		return p
	}
	return netip.Prefix{}
}

// err refuses what couldn't be read.
func (r *reader) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.Invalid, Field: r.faults[0].Field, Message: r.faults[0].Message, Faults: r.faults}
}
