package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// load reads a site with all that belongs to it.
func load(ctx context.Context, q *query.Queries, account, id string) (draft, error) {
	if !isID(id) {
		return draft{}, absent("site", id)
	}
	row, err := q.Site(ctx, query.SiteParams{ID: id, AccountID: account})
	if errors.Is(err, sql.ErrNoRows) {
		return draft{}, absent("site", id)
	}
	if err != nil {
		return draft{}, fmt.Errorf("reading site %s: %w", id, err)
	}
	all, err := complete(ctx, q, account, []query.Site{row})
	if err != nil {
		return draft{}, err
	}
	return all[0], nil
}

// complete adds to sites, which are in the order of their ids, their networks
// and vSockets, with two questions however many they are.
func complete(ctx context.Context, q *query.Queries, account string, rows []query.Site) ([]draft, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	first, last := rows[0].ID, rows[len(rows)-1].ID
	networks, err := q.NetworksBetween(ctx, query.NetworksBetweenParams{AccountID: account, FirstSite: first, LastSite: last})
	if err != nil {
		return nil, fmt.Errorf("reading networks: %w", err)
	}
	vsockets, err := q.LiveVSocketsBetween(ctx, query.LiveVSocketsBetweenParams{AccountID: account, FirstSite: first, LastSite: last})
	if err != nil {
		return nil, fmt.Errorf("reading vSockets: %w", err)
	}
	drafts := make([]draft, len(rows))
	at := make(map[string]*draft, len(rows))
	for i, row := range rows {
		drafts[i] = ofSite(row)
		at[row.ID] = &drafts[i]
	}
	for _, n := range networks {
		if d := at[n.SiteID]; d != nil {
			d.addNetwork(n)
		}
	}
	for _, v := range vsockets {
		if d := at[v.SiteID]; d != nil {
			d.addVSocket(ofVSocket(v))
		}
	}
	return drafts, namePoPs(ctx, q, account, drafts)
}

// namePoPs is a question more only where a site names its PoPs.
func namePoPs(ctx context.Context, q *query.Queries, account string, drafts []draft) error {
	if !slices.ContainsFunc(drafts, func(d draft) bool { return len(d.pops) > 0 }) {
		return nil
	}
	names, err := popNames(ctx, q, account)
	for i := range drafts {
		drafts[i].popNames = names
	}
	return err
}

func ofSite(row query.Site) draft {
	return draft{
		id: row.ID, account: row.AccountID, name: row.Name, generation: uint64(row.Generation),
		createdAt: timeOf(row.CreatedAt), changedAt: timeOf(row.ChangedAt),
		primaryIP: stored(netip.ParseAddr, row.PrimaryIP), secondaryIP: stored(netip.ParseAddr, row.SecondaryIP),
		floatingIP: stored(netip.ParseAddr, row.FloatingIP), key: row.HAKey,
		number: uint64(row.Number), pops: strings.Fields(row.Pops), tags: readTags(row.Tags),
		ha: site.HASettings{Preempt: row.Preempt, Alone: row.Alone, Third: row.Third, Timers: site.Timers{
			Keepalive: millis(row.KeepaliveMs), Silent: millis(row.SilentMs), Lease: millis(row.LeaseMs),
			Confirm: millis(row.ConfirmMs), Hold: millis(row.HoldMs)}},
	}
}

func (d *draft) addNetwork(n query.Network) {
	prefix := stored(netip.ParsePrefix, n.Prefix)
	if n.Name == "" {
		d.native = prefix
		return
	}
	d.ranges = append(d.ranges, Range{ID: n.ID, Name: n.Name, Prefix: prefix, Gateway: stored(netip.ParseAddr, n.Gateway)})
}

func (d *draft) addVSocket(v VSocket) {
	if v.Side == site.Primary {
		d.primary = v
		return
	}
	d.secondary = &v
}

func ofVSocket(row query.VSocket) VSocket {
	return VSocket{
		Serial: site.Serial(row.Serial), Site: row.SiteID, Side: stored(site.ParseSide, row.Side), State: State(row.State),
		Version: stored(site.ParseVersion, row.Version), SeenAt: timeOf(row.SeenAt),
		Delivered: uint64(row.Delivered), Applied: uint64(row.Applied),
		KeyUntil: timeOf(row.KeyUntil), CreatedAt: timeOf(row.CreatedAt), Problem: row.Problem, witnessKey: row.WitnessKey,
		Told: Local{LANIP: stored(netip.ParseAddr, row.ToldLan), MGMTIP: stored(netip.ParseAddr, row.ToldMgmt), TunnelKey: row.TunnelKey},
	}
}

// stored reads what this package wrote; ” is the zero value.
func stored[T any](parse func(string) (T, error), text string) T {
	if text == "" {
		var none T
		return none
	}
	value, err := parse(text)
	if err != nil {
		panic("inventory: in the database: " + err.Error())
	}
	return value
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// timeOf reads milliseconds since 1970; 0 is the zero time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// isID says whether a text can be an id of ours. Only then is the database
// asked: PostgreSQL fails on a text that isn't UTF-8.
func isID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

func absent(what, id string) *Refusal {
	return &Refusal{Kind: Absent, Message: fmt.Sprintf("there is no %s %q in this account", what, id)}
}
