package inventory

import (
	"net/netip"
	"slices"
	"time"

	"releve.dev/releve/site"
)

// draft is a site while it is read or changed: each truth once. What follows
// from another is made by view, so that the floating IP can't differ between
// Networks and the HA section (E5, E7).
type draft struct {
	id, account, name    string
	generation           uint64
	createdAt, changedAt time.Time

	native      netip.Prefix
	primaryIP   netip.Addr
	secondaryIP netip.Addr
	floatingIP  netip.Addr
	key         string // of the keepalives, in base64
	ha          site.HASettings
	ranges      []Range
	number      uint64
	tags        []string // sorted, each once
	pops        []string // ids, best first; empty: all of the account
	popNames    map[string]string

	primary   VSocket
	secondary *VSocket
}

func (d draft) clone() draft {
	d.ranges, d.pops, d.tags = slices.Clone(d.ranges), slices.Clone(d.pops), slices.Clone(d.tags)
	if d.secondary != nil {
		second := *d.secondary
		d.secondary = &second
	}
	return d
}

// view is the site as callers see it.
func (d draft) view() Site {
	s := Site{
		ID: d.id, Name: d.name, Number: d.number, Generation: d.generation, CreatedAt: d.createdAt, ChangedAt: d.changedAt,
		Native: Native{Prefix: d.native, LocalIP: d.primaryIP},
		Ranges: slices.Clone(d.ranges), Primary: d.primary, Tags: slices.Clone(d.tags),
		CanAddSecondary: d.secondary == nil && d.whyNoSecondary() == nil,
	}
	slices.SortFunc(s.Ranges, func(a, b Range) int { return a.Prefix.Compare(b.Prefix) })
	for _, id := range d.pops {
		s.PoPs = append(s.PoPs, PoPRef{ID: id, Name: d.popNames[id]})
	}
	s.Primary.LANIP = d.primaryIP
	s.Primary.Problem = problemOf(s.Primary)
	if d.secondary != nil {
		second := *d.secondary
		second.LANIP = d.secondaryIP
		second.Problem = problemOf(second)
		s.Secondary = &second
		s.HA = &HA{FloatingIP: d.floatingIP, PrimaryIP: d.primaryIP, SecondaryIP: d.secondaryIP, Settings: d.ha}
		s.Native.LocalIP = d.floatingIP
	}
	return s
}

// addressing is the site as its addresses are judged.
func (d draft) addressing() site.Addressing {
	a := site.Addressing{Native: d.native, Primary: d.primaryIP, Secondary: d.secondaryIP, FloatingIP: d.floatingIP}
	for _, r := range d.ranges {
		a.Ranges = append(a.Ranges, site.Range{Name: r.Name, Prefix: r.Prefix, Gateway: r.Gateway})
	}
	return a
}

// audited is what the audit log keeps of a site: its settings, and nothing that
// changes by itself, nor a secret.
type audited struct {
	Name      string      `json:"name"`
	Native    Native      `json:"native"`
	Ranges    []Range     `json:"ranges"`
	Primary   site.Serial `json:"primary"`
	Secondary site.Serial `json:"secondary,omitempty"`
	HA        *HA         `json:"ha,omitempty"`
	PoPs      []PoPRef    `json:"pops,omitempty"`
	Tags      []string    `json:"tags,omitempty"`
	// What the vSockets have told of themselves.
	PrimaryTold   Local `json:"primary_told"`
	SecondaryTold Local `json:"secondary_told"`
}

func (d draft) audited() audited {
	s := d.view()
	a := audited{Name: s.Name, Native: s.Native, Ranges: s.Ranges, Primary: s.Primary.Serial, HA: s.HA, PoPs: s.PoPs, Tags: s.Tags, PrimaryTold: s.Primary.Told}
	if s.Secondary != nil {
		a.Secondary, a.SecondaryTold = s.Secondary.Serial, s.Secondary.Told
	}
	return a
}
