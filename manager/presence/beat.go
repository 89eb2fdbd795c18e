package presence

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// beats is when each manager said last that it lives, as of a moment.
type beats struct {
	mu    sync.Mutex
	asked time.Time
	last  map[string]time.Time
}

// heard says whether a manager lived when it was last looked, and when it was
// heard.
func (b *beats) heard(manager string) (last time.Time, lives bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, known := b.last[manager]
	return last, known && b.asked.Sub(last) < deadAfter
}

// beat says that this manager lives, looks who else does, and buries the dead.
func (s *Service) beat(ctx context.Context) error {
	buried := false
	err := s.c.Store.InTx(ctx, func(q *query.Queries) error {
		now := millis(s.c.Now())
		n, err := q.BeatManager(ctx, query.BeatManagerParams{ID: s.c.Manager, BeatAt: now})
		if buried = n == 0; err == nil && buried {
			err = q.InsertManager(ctx, query.InsertManagerParams{ID: s.c.Manager, BeatAt: now})
		}
		return err
	})
	if err != nil {
		return err
	}
	if buried { // at its start, or while it was taken for dead
		s.again()
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	return s.buryDead(ctx)
}

func (s *Service) look(ctx context.Context) error {
	now := s.c.Now()
	rows, err := s.c.Store.Read().Managers(ctx)
	if err != nil {
		return fmt.Errorf("looking which managers live: %w", err)
	}
	last := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		last[r.ID] = timeOf(r.BeatAt)
	}
	s.beats.mu.Lock()
	defer s.beats.mu.Unlock()
	s.beats.asked, s.beats.last = now, last
	return nil
}

func (s *Service) buryDead(ctx context.Context) error {
	s.beats.mu.Lock()
	dead := map[string]time.Time{}
	for id, last := range s.beats.last {
		if id != s.c.Manager && s.beats.asked.Sub(last) >= deadAfter {
			dead[id] = last
		}
	}
	s.beats.mu.Unlock()
	for id, last := range dead {
		s.c.Log.Warn("a manager has died", slog.String("manager", id), slog.Time("heard", last))
		if err := s.bury(ctx, id, last); err != nil {
			return err
		}
	}
	return nil
}

// bury notes that a manager's vSockets were heard last when it was.
func (s *Service) bury(ctx context.Context, id string, last time.Time) error {
	for {
		n := 0
		err := s.judging(ctx, func(q *query.Queries) (places, error) {
			rows, err := q.PresencesOfManager(ctx, query.PresencesOfManagerParams{Manager: id, Limit: mostInTx})
			if err != nil {
				return nil, err
			}
			sites := places{}
			for _, r := range rows {
				if err := s.end(ctx, q, site.Serial(r.Serial), id, last); err != nil {
					return nil, err
				}
				sites[r.SiteID] = r.AccountID
			}
			if n = len(rows); n < mostInTx {
				err = q.DeleteManager(ctx, id)
			}
			return sites, err
		})
		if err != nil || n < mostInTx {
			return err
		}
	}
}

// leave is a manager's own end.
func (s *Service) leave(ctx context.Context) error { return s.bury(ctx, s.c.Manager, s.c.Now()) }
