package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// PoP is one of the account's: it ends the tunnels of sites. Its serial number has
// the life of a vSocket's.
type PoP struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	Serial     site.Serial  `json:"serial"`
	State      State        `json:"state"`
	Generation uint64       `json:"generation"` // of its settings; raised by what changes at its sites
	Told       LocalPoP     `json:"told"`       // what it has told of itself
	Version    site.Version `json:"version"`    // 0.0: never seen
	SeenAt     time.Time    `json:"seen_at"`    // zero: never
	Delivered  uint64       `json:"delivered"`
	Applied    uint64       `json:"applied"`
	Problem    string       `json:"problem"`
	KeyUntil   time.Time    `json:"key_until"` // its one-time key's end; zero: it has none
	CreatedAt  time.Time    `json:"created_at"`
}

// PoPRef names a PoP.
type PoPRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// LocalPoP is what only a PoP knows.
type LocalPoP struct {
	Endpoint      netip.Addr     `json:"endpoint"` // its public address
	PrimaryPort   uint16         `json:"primary_port"`
	SecondaryPort uint16         `json:"secondary_port"`
	PublicKey     string         `json:"public_key"` // WireGuard's, in base64
	Witness       netip.AddrPort `json:"witness"`    // inside the tunnels
}

// Port is that of one side's tunnels.
func (l LocalPoP) Port(side site.Side) uint16 {
	if side == site.Secondary {
		return l.SecondaryPort
	}
	return l.PrimaryPort
}

// AddPoP makes a PoP, with a serial number. Sites that name none use it from the
// time on when it has connected.
func (s *Service) AddPoP(ctx context.Context, a Actor, name string, c Change) (PoP, error) {
	if why := site.CheckName(name); why != "" {
		return PoP{}, &Refusal{Kind: Invalid, Field: "name", Message: "name of the PoP: " + why}
	}
	var p PoP
	err := s.commit(ctx, c, func(q *query.Queries) error {
		if err := popNameIsFree(ctx, q, a.Account, name); err != nil {
			return err
		}
		serial, err := drawSerial(ctx, q)
		if err != nil {
			return err
		}
		p = PoP{ID: newID(), Name: name, Serial: serial, State: StateNew, Generation: 1, CreatedAt: s.clock()}
		return p.insert(ctx, q, a)
	})
	if err != nil {
		return PoP{}, err
	}
	return p, nil
}

func popNameIsFree(ctx context.Context, q *query.Queries, account, name string) error {
	names, err := popNames(ctx, q, account)
	if err != nil {
		return err
	}
	for _, other := range names {
		if strings.EqualFold(other, name) {
			return &Refusal{Kind: Taken, Field: "name", Message: fmt.Sprintf("there is a PoP %q already", other)}
		}
	}
	return nil
}

func (p *PoP) insert(ctx context.Context, q *query.Queries, a Actor) error {
	// The serial number's row is as a vSocket's, of no side.
	err := q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: string(p.Serial), AccountID: a.Account, SiteID: p.ID,
		Side: site.NoSide.String(), CreatedAt: p.CreatedAt.UnixMilli()})
	if err == nil {
		err = q.InsertPoP(ctx, query.InsertPoPParams{ID: p.ID, AccountID: a.Account, Name: p.Name, Serial: string(p.Serial), CreatedAt: p.CreatedAt.UnixMilli()})
	}
	if err != nil {
		return fmt.Errorf("writing PoP %s: %w", p.ID, err)
	}
	return audit(ctx, q, a, p.CreatedAt, "pop.add", p.ID, nil, p.audited())
}

// audited is what the audit log keeps of a PoP.
func (p *PoP) audited() any {
	return struct {
		Name   string      `json:"name"`
		Serial site.Serial `json:"serial"`
		Told   LocalPoP    `json:"told"`
	}{p.Name, p.Serial, p.Told}
}

// PoPs are the account's, in the order of their adding.
func (s *Service) PoPs(ctx context.Context, a Actor) ([]PoP, error) {
	all := []PoP{}
	err := s.store.View(ctx, func(q *query.Queries) error {
		rows, err := q.PoPs(ctx, a.Account)
		if err != nil {
			return fmt.Errorf("reading PoPs: %w", err)
		}
		for _, row := range rows {
			p, err := ofPoP(ctx, q, row)
			if err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

// PoP reads one.
func (s *Service) PoP(ctx context.Context, a Actor, id string) (PoP, error) {
	var p PoP
	err := s.store.View(ctx, func(q *query.Queries) (err error) {
		p, err = loadPoP(ctx, q, a.Account, id)
		return err
	})
	return p, err
}

func loadPoP(ctx context.Context, q *query.Queries, account, id string) (PoP, error) {
	if !isID(id) {
		return PoP{}, absent("PoP", id)
	}
	row, err := q.PoP(ctx, query.PoPParams{ID: id, AccountID: account})
	if errors.Is(err, sql.ErrNoRows) {
		return PoP{}, absent("PoP", id)
	}
	if err != nil {
		return PoP{}, fmt.Errorf("reading PoP %s: %w", id, err)
	}
	return ofPoP(ctx, q, row)
}

// ofPoP adds to a PoP what is known of its serial number.
func ofPoP(ctx context.Context, q *query.Queries, row query.Pop) (PoP, error) {
	device, err := q.VSocket(ctx, query.VSocketParams{Serial: row.Serial, AccountID: row.AccountID})
	if err != nil {
		return PoP{}, fmt.Errorf("reading PoP %s: %w", row.ID, err)
	}
	v := ofVSocket(device)
	return PoP{ID: row.ID, Name: row.Name, Serial: v.Serial, State: v.State, Generation: uint64(row.Generation), Told: localOf(row),
		Version: v.Version, SeenAt: v.SeenAt, Delivered: v.Delivered, Applied: v.Applied, Problem: v.Problem,
		KeyUntil: v.KeyUntil, CreatedAt: timeOf(row.CreatedAt)}, nil
}

func localOf(row query.Pop) LocalPoP {
	return LocalPoP{Endpoint: stored(netip.ParseAddr, row.Endpoint), PrimaryPort: uint16(row.PrimaryPort), SecondaryPort: uint16(row.SecondaryPort),
		PublicKey: row.PublicKey, Witness: stored(netip.ParseAddrPort, row.Witness)}
}

// popNames are the account's PoPs' by their ids.
func popNames(ctx context.Context, q *query.Queries, account string) (map[string]string, error) {
	rows, err := q.PoPs(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("reading PoPs: %w", err)
	}
	names := make(map[string]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}

// PoPKey makes the one-time key of a PoP that nobody has enrolled yet, as EnrolKey
// does.
func (s *Service) PoPKey(ctx context.Context, a Actor, id string, c Change) (site.EnrolKey, error) {
	p, err := s.PoP(ctx, a, id)
	if err != nil {
		return site.EnrolKey{}, err
	}
	return s.enrolKey(ctx, a, p.Serial, c, "pop.enrol-key")
}

// RemovePoP takes a PoP away that no site names. Its serial number is void, and it
// hears no more of the manager; it serves its sites as it did until it is stopped,
// and by then they run without it.
func (s *Service) RemovePoP(ctx context.Context, a Actor, id string, c Change) error {
	var n Notice
	err := s.commit(ctx, c, func(q *query.Queries) error {
		p, err := loadPoP(ctx, q, a.Account, id)
		if err != nil {
			return err
		}
		if err := nobodyNames(ctx, q, a.Account, p); err != nil {
			return err
		}
		n, err = s.removePoP(ctx, q, a, p)
		return err
	})
	if err == nil && !c.DryRun {
		s.notify(n)
	}
	return err
}

func nobodyNames(ctx context.Context, q *query.Queries, account string, p PoP) error {
	sites, err := q.SitesOnPoP(ctx, query.SitesOnPoPParams{AccountID: account, PopID: p.ID})
	if err != nil {
		return fmt.Errorf("looking for sites on PoP %s: %w", p.ID, err)
	}
	if len(sites) == 0 {
		return nil
	}
	return &Refusal{Kind: NotNow, Message: fmt.Sprintf("PoP %q is named by %s", p.Name, strings.Join(sites, ", ")),
		Remedy: "give these sites other PoPs first: releve site set SITE --pops …"}
}

func (s *Service) removePoP(ctx context.Context, q *query.Queries, a Actor, p PoP) (Notice, error) {
	now := s.clock()
	n, err := raiseSites(ctx, q, a.Account, p.ID, now)
	if err != nil {
		return n, err
	}
	rows, err := q.VoidVSocket(ctx, query.VoidVSocketParams{VoidedAt: now.UnixMilli(), Serial: string(p.Serial), AccountID: a.Account})
	if err != nil || rows != 1 {
		return n, fmt.Errorf("voiding %s (%d rows): %w", p.Serial, rows, err)
	}
	if _, err := q.DeletePoP(ctx, query.DeletePoPParams{ID: p.ID, AccountID: a.Account}); err != nil {
		return n, fmt.Errorf("deleting PoP %s: %w", p.ID, err)
	}
	n.Void = []site.Serial{p.Serial}
	return n, audit(ctx, q, a, now, "pop.remove", p.ID, p.audited(), nil)
}

// raiseSites raises the sites whose vSockets are given a PoP, and says whom to tell.
func raiseSites(ctx context.Context, q *query.Queries, account, pop string, now time.Time) (Notice, error) {
	_, err := q.RaiseSitesOnPoP(ctx, query.RaiseSitesOnPoPParams{ChangedAt: now.UnixMilli(), AccountID: account, PopID: pop})
	if err != nil {
		return Notice{}, fmt.Errorf("raising the sites on PoP %s: %w", pop, err)
	}
	serials, err := q.SerialsOnPoP(ctx, query.SerialsOnPoPParams{AccountID: account, PopID: pop})
	if err != nil {
		return Notice{}, fmt.Errorf("reading who is on PoP %s: %w", pop, err)
	}
	return Notice{Account: account, Serials: serialsOf(serials)}, nil
}

func serialsOf(texts []string) []site.Serial {
	all := make([]site.Serial, 0, len(texts))
	for _, text := range texts {
		all = append(all, site.Serial(text))
	}
	return all
}
