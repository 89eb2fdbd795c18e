package inventory

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// VSocket finds one of an account's by its serial number, void ones too.
func (s *Service) VSocket(ctx context.Context, a Actor, serial site.Serial) (VSocket, error) {
	var v VSocket
	err := s.store.View(ctx, func(q *query.Queries) error {
		row, err := owned(ctx, q, a, serial)
		if err != nil {
			return err
		}
		v = ofVSocket(row)
		if v.Side == site.NoSide {
			return absent("vSocket", string(serial)) // a PoP's
		}
		if v.State == StateVoid {
			return nil
		}
		d, err := load(ctx, q, a.Account, row.SiteID)
		if err != nil {
			return err
		}
		v = *d.view().vsocket(v.Side)
		return nil
	})
	if err != nil {
		return VSocket{}, err
	}
	return v, nil
}

func (s Site) vsocket(side site.Side) *VSocket {
	if side == site.Primary {
		return &s.Primary
	}
	return s.Secondary
}

// owned finds a row of an account's vSocket, or PoP.
func owned(ctx context.Context, q *query.Queries, a Actor, serial site.Serial) (query.VSocket, error) {
	if _, err := site.ParseSerial(string(serial)); err != nil {
		return query.VSocket{}, absent("vSocket", string(serial))
	}
	row, err := q.VSocket(ctx, query.VSocketParams{Serial: string(serial), AccountID: a.Account})
	if errors.Is(err, sql.ErrNoRows) {
		return row, absent("vSocket", string(serial))
	}
	if err != nil {
		return row, fmt.Errorf("reading vSocket %s: %w", serial, err)
	}
	return row, nil
}

// anybodys finds a row for the fleet, to which the serial number is the caller.
func anybodys(ctx context.Context, q *query.Queries, serial site.Serial) (query.VSocket, error) {
	unknown := &Refusal{Kind: Unknown, Message: fmt.Sprintf("serial number %q was never made here", serial), Remedy: "is it another manager's?"}
	if _, err := site.ParseSerial(string(serial)); err != nil {
		return query.VSocket{}, unknown
	}
	row, err := q.VSocketOfAny(ctx, string(serial))
	if errors.Is(err, sql.ErrNoRows) {
		return row, unknown
	}
	if err != nil {
		return row, fmt.Errorf("reading vSocket %s: %w", serial, err)
	}
	return row, nil
}

// registered finds a vSocket that may connect.
func registered(ctx context.Context, q *query.Queries, serial site.Serial) (query.VSocket, error) {
	row, err := anybodys(ctx, q, serial)
	switch {
	case err != nil:
		return row, err
	case row.State == string(StateVoid):
		return row, &Refusal{Kind: Void, Message: fmt.Sprintf("serial number %s is void", serial)}
	case row.State != string(StateRegistered):
		return row, &Refusal{Kind: NotNow, Message: fmt.Sprintf("no vSocket has enrolled as %s", serial)}
	}
	return row, nil
}

// Generation, for the fleet, is that of what a registered vSocket or PoP is to be
// given, for a tenth of what reading it costs.
func (s *Service) Generation(ctx context.Context, serial site.Serial, pop bool) (uint64, error) {
	var generation uint64
	err := s.store.View(ctx, func(q *query.Queries) error {
		row, err := registered(ctx, q, serial)
		if err != nil {
			return err
		}
		if pop {
			p, err := popOf(ctx, q, row)
			generation = p.Generation
			return err
		}
		if err := isVSocket(row); err != nil {
			return err
		}
		is, err := q.Site(ctx, query.SiteParams{ID: row.SiteID, AccountID: row.AccountID})
		if err != nil {
			return fmt.Errorf("reading site %s: %w", row.SiteID, err)
		}
		generation = uint64(is.Generation)
		return nil
	})
	return generation, err
}

func isVSocket(row query.VSocket) error {
	if row.Side == site.NoSide.String() {
		return &Refusal{Kind: Unknown, Message: fmt.Sprintf("serial number %s is a PoP's", row.Serial)}
	}
	return nil
}

// Settings, for the fleet, are what a registered vSocket is to be given.
func (s *Service) Settings(ctx context.Context, serial site.Serial) (Settings, error) {
	var out Settings
	err := s.store.View(ctx, func(q *query.Queries) error {
		row, err := registered(ctx, q, serial)
		if err != nil {
			return err
		}
		if err := isVSocket(row); err != nil {
			return err
		}
		d, err := load(ctx, q, row.AccountID, row.SiteID)
		if err != nil {
			return err
		}
		out = d.settings(stored(site.ParseSide, row.Side))
		out.Cloud, err = d.cloud(ctx, q, ofVSocket(row))
		return err
	})
	if err != nil {
		return Settings{}, err
	}
	return out, nil
}

func (d draft) settings(side site.Side) Settings {
	s := d.view()
	own := s.vsocket(side)
	out := Settings{Account: d.account, Site: s.ID, SiteName: s.Name, Serial: own.Serial, Side: side, Generation: s.Generation,
		Native: s.Native, LANIP: own.LANIP, Ranges: s.Ranges}
	if peer := s.vsocket(side.Peer()); peer != nil {
		out.HA = &PeerSettings{FloatingIP: d.floatingIP, PeerIP: peer.LANIP, PeerMGMT: peer.Told.MGMTIP, PeerSerial: peer.Serial,
			Key: stored(base64.StdEncoding.DecodeString, d.key), Settings: d.ha}
	}
	return out
}

// VoidSerials are all that were ever voided, for the fleet's set.
func (s *Service) VoidSerials(ctx context.Context) ([]site.Serial, error) {
	rows, err := s.store.Read().VoidSerials(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading void serial numbers: %w", err)
	}
	all := make([]site.Serial, 0, len(rows))
	for _, r := range rows {
		all = append(all, site.Serial(r))
	}
	return all, nil
}
