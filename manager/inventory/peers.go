package inventory

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// The order between PoP and vSocket (docs/decisions/0009-settings-from-the-manager.md):
// a PoP is given a vSocket as its peer first; once the PoP runs with that, the
// vSocket is given the PoP. The other way round a vSocket that uses a PoP no more
// stays the PoP's peer until the vSocket runs without it.

// setPoPs is the site's choice: names or ids, best first.
func (e *editing) setPoPs(ctx context.Context, wanted []string) error {
	names, err := popNames(ctx, e.q, e.account)
	if err != nil {
		return err
	}
	e.pops, e.popNames = nil, names
	for _, text := range wanted {
		id := text
		for other, name := range names {
			if name == text {
				id = other
			}
		}
		if _, is := names[id]; !is {
			return &Refusal{Kind: Invalid, Field: "pops", Message: fmt.Sprintf("there is no PoP %q in this account", text), Remedy: "releve pop list shows them"}
		}
		if slices.Contains(e.pops, id) {
			return &Refusal{Kind: Invalid, Field: "pops", Message: fmt.Sprintf("PoP %q is named twice", text)}
		}
		e.pops = append(e.pops, id)
	}
	return nil
}

// asPeers is what of a site its PoPs are told, and who they are.
type asPeers struct {
	name   string
	native netip.Prefix
	pops   []string
	peers  [2]asPeer
}

type asPeer struct {
	serial site.Serial
	key    string
}

func (d draft) asPeers() asPeers {
	p := asPeers{name: d.name, native: d.native, pops: slices.Clone(d.pops)}
	p.peers[0] = asPeer{d.primary.Serial, d.primary.Told.TunnelKey}
	if d.secondary != nil {
		p.peers[1] = asPeer{d.secondary.Serial, d.secondary.Told.TunnelKey}
	}
	return p
}

// tellPoPs, once the site is written, gives the account's PoPs what has changed.
func (e *editing) tellPoPs(ctx context.Context, before draft) error {
	if reflect.DeepEqual(before.asPeers(), e.asPeers()) {
		return nil
	}
	_, err := e.q.JoinSite(ctx, query.JoinSiteParams{AccountID: e.account, SiteID: e.id})
	if err == nil {
		_, err = e.q.LeavePoPs(ctx, query.LeavePoPsParams{Generation: int64(e.generation), AccountID: e.account, SiteID: e.id})
	}
	if err == nil {
		_, err = e.q.ForgetPeers(ctx, query.ForgetPeersParams{AccountID: e.account, SiteID: e.id})
	}
	if err != nil {
		return fmt.Errorf("writing the PoPs' peers of site %s: %w", e.id, err)
	}
	return e.raisePoPs(ctx)
}

func (e *editing) raisePoPs(ctx context.Context) (err error) {
	e.popSerials, err = raisePoPs(ctx, e.q, e.account)
	return err
}

// raisePoPs raises all of an account: they are few.
func raisePoPs(ctx context.Context, q *query.Queries, account string) ([]site.Serial, error) {
	serials, err := q.RaisePoPs(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("raising the PoPs: %w", err)
	}
	return serialsOf(serials), nil
}

// PoPTold, for the fleet, keeps what a PoP has told of itself. With its first word it
// gets its peers; a change is one of its sites' settings.
func (s *Service) PoPTold(ctx context.Context, serial site.Serial, l LocalPoP) error {
	if row, err := s.registeredNow(ctx, serial); err != nil {
		return err
	} else if p, err := popOf(ctx, s.store.Read(), row); err != nil || p.Told == l {
		return err
	}
	var n Notice
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		row, err := registered(ctx, q, serial)
		if err != nil {
			return err
		}
		p, err := popOf(ctx, q, row)
		if err != nil {
			return err
		}
		n, err = s.popTold(ctx, q, device(row), p, l)
		return err
	})
	if err == nil {
		s.notify(n)
	}
	return err
}

// popOf is the PoP of a serial number's row.
func popOf(ctx context.Context, q *query.Queries, row query.VSocket) (PoP, error) {
	if row.Side != site.NoSide.String() {
		return PoP{}, &Refusal{Kind: Unknown, Message: fmt.Sprintf("serial number %s is no PoP's", row.Serial)}
	}
	return loadPoP(ctx, q, row.AccountID, row.SiteID)
}

func (s *Service) popTold(ctx context.Context, q *query.Queries, a Actor, p PoP, l LocalPoP) (Notice, error) {
	before, now := p.audited(), s.clock()
	p.Told = l
	witness := ""
	if l.Witness.IsValid() {
		witness = l.Witness.String()
	}
	_, err := q.SetPoPLocal(ctx, query.SetPoPLocalParams{Endpoint: written(l.Endpoint), PrimaryPort: int64(l.PrimaryPort), SecondaryPort: int64(l.SecondaryPort),
		PublicKey: l.PublicKey, Witness: witness, ID: p.ID, AccountID: a.Account})
	if err == nil {
		_, err = q.JoinPoP(ctx, query.JoinPoPParams{AccountID: a.Account, PopID: p.ID})
	}
	if err != nil {
		return Notice{}, fmt.Errorf("writing PoP %s: %w", p.ID, err)
	}
	pops, err := raisePoPs(ctx, q, a.Account)
	if err != nil {
		return Notice{}, err
	}
	n, err := raiseSites(ctx, q, a.Account, p.ID, now)
	if err != nil {
		return n, err
	}
	n.Serials = append(n.Serials, pops...)
	return n, audit(ctx, q, a, now, "pop.local", p.ID, before, p.audited())
}

// popRuns: from the generation on that a PoP runs with, vSockets may be given it.
func (s *Service) popRuns(ctx context.Context, q *query.Queries, row query.VSocket, applied int64) (Notice, error) {
	n, now := Notice{Account: row.AccountID}, s.clock()
	_, err := q.RaiseSitesToKnow(ctx, query.RaiseSitesToKnowParams{ChangedAt: now.UnixMilli(), AccountID: row.AccountID, PopID: row.SiteID, Applied: applied})
	if err != nil {
		return n, fmt.Errorf("raising the sites on PoP %s: %w", row.SiteID, err)
	}
	serials, err := q.KnowPeers(ctx, query.KnowPeersParams{AccountID: row.AccountID, PopID: row.SiteID, Applied: applied})
	if err != nil {
		return n, fmt.Errorf("writing the peers of PoP %s: %w", row.SiteID, err)
	}
	if len(serials) == 0 {
		return n, nil
	}
	slices.Sort(serials)
	if n.Serials, err = neighbours(ctx, q, row.AccountID, serials); err != nil {
		return n, err
	}
	return n, audit(ctx, q, device(row), now, "pop.serves", row.SiteID, nil, map[string]any{"vsockets": serials})
}

// neighbours are all vSockets of these ones' sites: the generation is the site's, so
// the other one is at another too.
func neighbours(ctx context.Context, q *query.Queries, account string, serials []string) (all []site.Serial, err error) {
	for _, serial := range serials {
		if slices.Contains(all, site.Serial(serial)) {
			continue
		}
		one, err := q.VSocket(ctx, query.VSocketParams{Serial: serial, AccountID: account})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", serial, err)
		}
		both, err := q.LiveVSocketsBetween(ctx, query.LiveVSocketsBetweenParams{AccountID: account, FirstSite: one.SiteID, LastSite: one.SiteID})
		if err != nil {
			return nil, fmt.Errorf("reading the vSockets of site %s: %w", one.SiteID, err)
		}
		for _, v := range both {
			all = append(all, site.Serial(v.Serial))
		}
	}
	return all, nil
}

// vsocketRuns: PoPs that a vSocket runs without from a generation on let it go.
func vsocketRuns(ctx context.Context, q *query.Queries, row query.VSocket, applied int64) (Notice, error) {
	n := Notice{Account: row.AccountID, Site: row.SiteID}
	gone, err := q.PeersGone(ctx, query.PeersGoneParams{AccountID: row.AccountID, Serial: row.Serial, Applied: applied})
	if err != nil {
		return n, fmt.Errorf("writing the PoPs of %s: %w", row.Serial, err)
	}
	if len(gone) == 0 {
		return n, nil
	}
	n.Serials, err = raisePoPs(ctx, q, row.AccountID)
	return n, err
}

// cloud is the tunnels' part of a vSocket's settings; nil where no PoP knows it.
func (d draft) cloud(ctx context.Context, q *query.Queries, v VSocket) (*Cloud, error) {
	rows, err := q.PoPsOfVSocket(ctx, query.PoPsOfVSocketParams{AccountID: d.account, Serial: string(v.Serial)})
	if err != nil {
		return nil, fmt.Errorf("reading the PoPs of %s: %w", v.Serial, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	if len(d.pops) > 0 {
		slices.SortFunc(rows, func(a, b query.Pop) int { return slices.Index(d.pops, a.ID) - slices.Index(d.pops, b.ID) })
	}
	c := &Cloud{SiteNumber: d.number, Address: site.TunnelAddress(d.number, v.Side), WitnessKey: stored(base64.StdEncoding.DecodeString, v.witnessKey)}
	for _, row := range rows {
		c.PoPs = append(c.PoPs, PoP{ID: row.ID, Name: row.Name, Serial: site.Serial(row.Serial), Told: localOf(row)})
	}
	return c, nil
}
