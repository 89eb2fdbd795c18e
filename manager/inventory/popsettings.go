package inventory

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// PoPSettings are all the sites that a PoP serves. They hold secrets.
type PoPSettings struct {
	Account    string    `json:"account"`
	PoP        string    `json:"pop"`
	Name       string    `json:"name"`
	Generation uint64    `json:"generation"`
	Sites      []PoPSite `json:"sites"`   // in the order of their numbers
	Revoked    []string  `json:"revoked"` // WireGuard keys of void serial numbers
}

// PoPSite is a site as its PoPs know it. Routed ranges aren't among its ranges: the
// vSockets don't route them yet.
type PoPSite struct {
	Number    uint64         `json:"number"`
	Name      string         `json:"name"`
	Ranges    []netip.Prefix `json:"ranges"`
	Primary   *PoPPeer       `json:"primary"`   // nil: not known yet
	Secondary *PoPPeer       `json:"secondary"` // nil: there is none, or not known yet
}

// PoPPeer is a vSocket of it.
type PoPPeer struct {
	PublicKey  string     `json:"public_key"`
	Address    netip.Addr `json:"address"` // inside the tunnels
	WitnessKey []byte     `json:"witness_key"`
}

// PoPSettings, for the fleet, are what a registered PoP is to be given.
func (s *Service) PoPSettings(ctx context.Context, serial site.Serial) (PoPSettings, error) {
	var out PoPSettings
	err := s.store.View(ctx, func(q *query.Queries) error {
		row, err := registered(ctx, q, serial)
		if err != nil {
			return err
		}
		p, err := popOf(ctx, q, row)
		if err != nil {
			return err
		}
		out = PoPSettings{Account: row.AccountID, PoP: p.ID, Name: p.Name, Generation: p.Generation}
		return out.read(ctx, q)
	})
	return out, err
}

func (s *PoPSettings) read(ctx context.Context, q *query.Queries) (err error) {
	rows, err := q.PeersOfPoP(ctx, query.PeersOfPoPParams{AccountID: s.Account, PopID: s.PoP})
	if err != nil {
		return fmt.Errorf("reading the peers of PoP %s: %w", s.PoP, err)
	}
	for _, row := range rows {
		s.add(row)
	}
	if s.Revoked, err = q.RevokedKeys(ctx, s.Account); err != nil {
		return fmt.Errorf("reading the revoked keys: %w", err)
	}
	return nil
}

func (s *PoPSettings) add(row query.PeersOfPoPRow) {
	number := uint64(row.Number)
	if last := len(s.Sites) - 1; last < 0 || s.Sites[last].Number != number {
		s.Sites = append(s.Sites, PoPSite{Number: number, Name: row.Name, Ranges: []netip.Prefix{stored(netip.ParsePrefix, row.Prefix)}})
	}
	to, side := &s.Sites[len(s.Sites)-1], stored(site.ParseSide, row.Side)
	peer := &PoPPeer{PublicKey: row.TunnelKey, Address: site.TunnelAddress(number, side), WitnessKey: stored(base64.StdEncoding.DecodeString, row.WitnessKey)}
	if side == site.Primary {
		to.Primary = peer
	} else {
		to.Secondary = peer
	}
}
