package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// NativeChange is what SetNative changes (E7): a zero field stays as it is.
// LocalIP is the floating IP while HA is on, else the primary's LAN IP. A new
// prefix mostly needs new addresses in the same step.
type NativeChange struct {
	Prefix      netip.Prefix
	LocalIP     netip.Addr
	PrimaryIP   netip.Addr
	SecondaryIP netip.Addr
}

// SetNative changes the native range and what lies in it (E7, E8).
func (s *Service) SetNative(ctx context.Context, a Actor, id string, c Change, n NativeChange) (Site, error) {
	return s.change(ctx, a, id, c, "network.set-native", func(_ context.Context, e *editing) error {
		if e.secondary == nil && n.SecondaryIP.IsValid() {
			return haIsOff(e, "secondary_ip")
		}
		if e.secondary == nil && n.LocalIP.IsValid() && n.PrimaryIP.IsValid() && n.LocalIP != n.PrimaryIP {
			return &Refusal{Kind: Invalid, Field: "local_ip",
				Message: fmt.Sprintf("the native range's local IP is the primary's LAN IP while high availability is off; %s and %s were given", n.LocalIP, n.PrimaryIP)}
		}
		if n.Prefix.IsValid() {
			e.native = n.Prefix
		}
		local := &e.primaryIP
		if e.secondary != nil {
			local = &e.floatingIP
		}
		replace(local, n.LocalIP)
		replace(&e.primaryIP, n.PrimaryIP)
		replace(&e.secondaryIP, n.SecondaryIP)
		return nil
	})
}

func replace(addr *netip.Addr, by netip.Addr) {
	if by.IsValid() {
		*addr = by
	}
}

// AddRange adds a routed range (E8), whose id is made.
func (s *Service) AddRange(ctx context.Context, a Actor, id string, c Change, r Range) (Site, error) {
	r.ID = newID()
	at := -1
	changed, err := s.change(ctx, a, id, c, "network.add", func(_ context.Context, e *editing) error {
		at = len(e.ranges)
		e.ranges = append(e.ranges, r)
		return nil
	})
	return changed, ofTheRange(err, at)
}

// SetRange replaces the range with r.ID.
func (s *Service) SetRange(ctx context.Context, a Actor, id string, c Change, r Range) (Site, error) {
	at := -1
	changed, err := s.change(ctx, a, id, c, "network.set", func(_ context.Context, e *editing) error {
		at = e.rangeAt(r.ID)
		if at < 0 {
			return absent("range", r.ID)
		}
		e.ranges[at] = r
		return nil
	})
	return changed, ofTheRange(err, at)
}

// RemoveRange removes a routed range.
func (s *Service) RemoveRange(ctx context.Context, a Actor, id string, c Change, rangeID string) (Site, error) {
	return s.change(ctx, a, id, c, "network.remove", func(_ context.Context, e *editing) error {
		at := e.rangeAt(rangeID)
		if at < 0 {
			return absent("range", rangeID)
		}
		e.ranges = slices.Delete(e.ranges, at, at+1)
		return nil
	})
}

func (d draft) rangeAt(id string) int {
	return slices.IndexFunc(d.ranges, func(r Range) bool { return r.ID == id })
}

// ofTheRange names the fields of the one range that the caller gave as the
// caller does: gateway, not ranges[3].gateway.
func ofTheRange(err error, at int) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	own := fmt.Sprintf("ranges[%d].", at)
	r.Field = strings.TrimPrefix(r.Field, own)
	for i := range r.Faults {
		r.Faults[i].Field = strings.TrimPrefix(r.Faults[i].Field, own)
	}
	return r
}

// writeNetworks writes the site's prefixes anew.
func (e *editing) writeNetworks(ctx context.Context) error {
	if err := e.q.DeleteNetworks(ctx, query.DeleteNetworksParams{SiteID: e.id, AccountID: e.account}); err != nil {
		return fmt.Errorf("writing networks of site %s: %w", e.id, err)
	}
	all := append([]Range{{ID: e.id, Prefix: e.native}}, e.ranges...)
	for _, r := range all {
		err := e.q.InsertNetwork(ctx, query.InsertNetworkParams{
			ID: r.ID, AccountID: e.account, SiteID: e.id, Name: r.Name, Prefix: r.Prefix.String(),
			Lowest: number(r.Prefix.Addr()), Highest: number(site.Last(r.Prefix)), Gateway: written(r.Gateway),
		})
		if err != nil {
			return fmt.Errorf("writing networks of site %s: %w", e.id, err)
		}
	}
	return nil
}

// overlapping finds the prefixes of the account's other sites that share an
// address with this one's; a few are enough to refuse.
func (e *editing) overlapping(ctx context.Context, a site.Addressing) ([]site.Owned, error) {
	prefixes := []netip.Prefix{a.Native}
	for _, r := range a.Ranges {
		prefixes = append(prefixes, r.Prefix)
	}
	var found []site.Owned
	for _, p := range prefixes {
		rows, err := e.q.NetworksElsewhere(ctx, query.NetworksElsewhereParams{
			AccountID: e.account, FirstAddress: number(p.Addr()), LastAddress: number(site.Last(p)), ButSite: e.id})
		if err != nil {
			return nil, fmt.Errorf("looking for overlaps: %w", err)
		}
		for _, row := range rows {
			o := site.Owned{Site: row.SiteName, Range: row.Name, Prefix: stored(netip.ParsePrefix, row.Prefix)}
			if !slices.Contains(found, o) {
				found = append(found, o)
			}
		}
	}
	return found, nil
}

// number orders IPv4 addresses in the database.
func number(a netip.Addr) int64 {
	b := a.As4()
	return int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
}

// written is an address as it is stored; the zero one is ”.
func written(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
