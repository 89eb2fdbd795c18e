package api

import (
	"encoding/json"
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
	v.Tags = s.Tags
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
