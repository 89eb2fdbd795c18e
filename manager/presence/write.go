package presence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"releve.dev/releve/manager/pause"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// writing writes what is pending, as fast as the database takes it.
func (s *Service) writing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.fresh:
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = s.write(ctx); err != nil && ctx.Err() == nil {
				s.c.Log.Warn("what vSockets say isn't kept; tried again", slog.Any("reason", err))
				more = pause.For(ctx, time.Second) == nil
			}
		}
	}
}

// take takes some of what is pending.
func (s *Service) take() (all []Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for serial := range s.pending {
		if len(all) == mostInTx {
			break
		}
		all = append(all, s.known[serial].said)
		delete(s.pending, serial)
	}
	return all
}

// put back puts what couldn't be written back.
func (s *Service) putBack(all []Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		s.pending[all[i].Serial] = true
	}
}

// write writes a batch, and says whether there may be more. One batch at a time:
// a vSocket's news are written in their order.
func (s *Service) write(ctx context.Context) (more bool, err error) {
	s.batch.Lock()
	defer s.batch.Unlock()
	all := s.take()
	if len(all) == 0 {
		return false, nil
	}
	err = s.judging(ctx, func(q *query.Queries) (places, error) {
		sites := places{}
		for i := range all {
			if err := s.put(ctx, q, &all[i], sites); err != nil {
				return nil, err
			}
		}
		return sites, nil
	})
	if err != nil {
		s.putBack(all)
		return true, err
	}
	s.forget(all)
	return true, nil
}

// forget lets go of vSockets that have left.
func (s *Service) forget(all []Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		if k := s.known[all[i].Serial]; k != nil && !k.said.Connected && !s.pending[all[i].Serial] {
			delete(s.known, all[i].Serial)
		}
	}
}

// put writes one; other devices than vSockets have no site's status, and a void
// one is nobody's any more.
func (s *Service) put(ctx context.Context, q *query.Queries, said *Said, sites places) error {
	row, err := q.VSocketOfAny(ctx, string(said.Serial))
	if errors.Is(err, sql.ErrNoRows) || err == nil && (row.State == "void" || !ofSite(row.Side)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("whose vSocket %s is: %w", said.Serial, err)
	}
	_, err = q.PutPresence(ctx, query.PutPresenceParams{
		Serial: string(said.Serial), AccountID: row.AccountID, SiteID: row.SiteID, Manager: s.c.Manager, Since: millis(said.Since),
		HeardAt: millis(said.Heard), ReportedAt: millis(said.At), Status: string(said.Raw),
	})
	if err == nil && !said.Connected {
		err = s.end(ctx, q, said.Serial, s.c.Manager, said.Heard)
	}
	if err != nil {
		return fmt.Errorf("writing what %s says: %w", said.Serial, err)
	}
	sites[row.SiteID] = row.AccountID
	return nil
}

// ofSite is whether a serial number is one of a site's two.
func ofSite(side string) bool {
	return side == site.Primary.String() || side == site.Secondary.String()
}

// end notes that a manager has a vSocket no more.
func (s *Service) end(ctx context.Context, q *query.Queries, serial site.Serial, manager string, heard time.Time) error {
	_, err := q.EndPresence(ctx, query.EndPresenceParams{HeardAt: millis(heard), Serial: string(serial), Manager: manager})
	return err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
