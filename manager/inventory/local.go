package inventory

import (
	"context"
	"fmt"
	"slices"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// Told, for the fleet, keeps what a vSocket has told of itself. A change of it is a
// change of the site's settings, whose actor is the vSocket: its peer, and the PoPs,
// must be told.
func (s *Service) Told(ctx context.Context, serial site.Serial, l Local) error {
	row, err := s.registeredNow(ctx, serial)
	if err != nil {
		return err
	}
	v := ofVSocket(row)
	if v.Side == site.NoSide {
		return &Refusal{Kind: Unknown, Message: fmt.Sprintf("serial number %s is a PoP's", serial)}
	}
	if l == (Local{}) || l == v.Told && v.witnessKey != "" {
		return nil // of a release that tells nothing, or nothing new
	}
	_, err = s.change(ctx, device(row), row.SiteID, Change{IfMatch: seenByItself}, "socket.local", func(ctx context.Context, e *editing) error {
		return e.told(ctx, serial, l)
	})
	return err
}

// registeredNow is a row outside of a change, which looks again.
func (s *Service) registeredNow(ctx context.Context, serial site.Serial) (query.VSocket, error) {
	return registered(ctx, s.store.Read(), serial)
}

// device is who changes what only it knows.
func device(row query.VSocket) Actor {
	return Actor{Account: row.AccountID, ID: "device:" + row.Serial}
}

func (e *editing) told(ctx context.Context, serial site.Serial, l Local) error {
	v := &e.primary
	if v.Serial != serial {
		v = e.secondary
	}
	if v == nil || v.Serial != serial {
		return &Refusal{Kind: Void, Message: fmt.Sprintf("serial number %s is void", serial)}
	}
	if err := e.nobodyElses(ctx, serial, l.TunnelKey); err != nil {
		return err
	}
	v.Told = l
	if v.witnessKey == "" { // of a database from before there were any
		v.witnessKey = newKey()
	}
	n, err := e.q.SetLocal(ctx, query.SetLocalParams{ToldLan: written(l.LANIP), ToldMgmt: written(l.MGMTIP), TunnelKey: l.TunnelKey,
		WitnessKey: v.witnessKey, Serial: string(serial), AccountID: e.account})
	if err != nil || n != 1 {
		return fmt.Errorf("writing vSocket %s (%d rows): %w", serial, n, err)
	}
	return nil
}

// nobodyElses: a PoP tells its peers apart by their keys, so a second vSocket with
// one would take the first one's place.
func (e *editing) nobodyElses(ctx context.Context, serial site.Serial, tunnelKey string) error {
	if tunnelKey == "" {
		return nil
	}
	holders, err := e.q.TunnelKeyHolders(ctx, query.TunnelKeyHoldersParams{AccountID: e.account, TunnelKey: tunnelKey})
	if err != nil {
		return fmt.Errorf("looking for the holders of a key: %w", err)
	}
	holders = slices.DeleteFunc(holders, func(h string) bool { return h == string(serial) })
	if len(holders) > 0 {
		return &Refusal{Kind: Taken, Field: "tunnel_key", Message: fmt.Sprintf("%s tells the tunnel key of %s", serial, holders[0]),
			Remedy: "was its disk copied? a vSocket makes a key of its own"}
	}
	return nil
}

// problemOf is what isn't as it should be with a vSocket whose LAN IP is known. That
// it has another one is shown, and refuses nothing: the person may change either.
func problemOf(v VSocket) string {
	text := v.Problem
	if told := v.Told.LANIP; told.IsValid() && told != v.LANIP {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("its LAN IP is %s, and %s here", told, v.LANIP)
	}
	return text
}
