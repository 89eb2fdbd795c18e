package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store/query"
)

// late is how long after the end of a span a bucket of it may still be written.
const late = 10 * time.Minute

// mark is where the installation keeps until when wider buckets are made.
const mark = "history-until"

// mostSerials are looked after in one transaction.
const mostSerials = 50

// Retain makes wider buckets of what has been written since it last did, and drops
// what the rules keep no longer. It may be done at any time, by any manager, and
// again: the same comes out.
func (s *Service) Retain(ctx context.Context) error {
	now := s.c.Now()
	from, err := s.marked(ctx, now)
	if err != nil {
		return err
	}
	for after := ""; ; {
		serials, err := s.c.Store.Read().SerialsAfter(ctx, query.SerialsAfterParams{Serial: after, Limit: mostSerials})
		if err != nil {
			return fmt.Errorf("looking for vSockets: %w", err)
		}
		if len(serials) == 0 {
			return s.setMark(ctx, now)
		}
		after = serials[len(serials)-1]
		err = s.c.Store.InTx(ctx, func(q *query.Queries) error {
			for _, serial := range serials {
				if err := s.retain(ctx, q, serial, from, now); err != nil {
					return fmt.Errorf("making wider buckets of %s: %w", serial, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// retain looks after one vSocket.
func (s *Service) retain(ctx context.Context, q *query.Queries, serial string, from, now time.Time) error {
	if err := drop(ctx, q, serial, status.Closely, now); err != nil {
		return err
	}
	for i, rule := range s.c.Rules {
		if i > 0 {
			if err := widen(ctx, q, serial, s.c.Rules[i-1].Width, rule.Width, from, now); err != nil {
				return err
			}
		}
		if err := drop(ctx, q, serial, rule, now); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes what a rule keeps no longer.
func drop(ctx context.Context, q *query.Queries, serial string, rule status.Rule, now time.Time) error {
	_, err := q.DeleteOldBuckets(ctx, query.DeleteOldBucketsParams{Serial: serial, Width: int64(rule.Width / time.Second),
		StartAt: now.Add(-rule.Keep - rule.Width).UnixMilli()})
	return err
}

// widen makes the wide buckets that are over, of all the narrow ones in them.
func widen(ctx context.Context, q *query.Queries, serial string, narrow, wide time.Duration, from, now time.Time) error {
	first, until := from.Truncate(wide), now.Add(-late).Truncate(wide)
	rows, err := q.BucketsOfAny(ctx, query.BucketsOfAnyParams{Serial: serial, Width: int64(narrow / time.Second), First: first.UnixMilli(), Until: until.UnixMilli()})
	if err != nil {
		return err
	}
	series, err := unpacked(rows)
	if err != nil {
		return err
	}
	for _, b := range status.Coarsen(series, wide) {
		err := q.PutBucket(ctx, query.PutBucketParams{Serial: serial, Width: int64(wide / time.Second), StartAt: b.Start.UnixMilli(), Figures: b.Pack()})
		if err != nil {
			return err
		}
	}
	return nil
}

// marked is from when on wider buckets are to be made: what could be late then too.
func (s *Service) marked(ctx context.Context, now time.Time) (time.Time, error) {
	oldest := now.Add(-s.c.Rules[0].Keep)
	text, err := s.c.Store.Read().Installation(ctx, mark)
	if errors.Is(err, sql.ErrNoRows) {
		return oldest, nil
	}
	if err != nil {
		return oldest, fmt.Errorf("reading until when wider buckets are made: %w", err)
	}
	// What can't be read is as good as none: 0 is long ago.
	ms, _ := strconv.ParseInt(text, 10, 64)
	// A bucket that was too late for the last time is in the hour before.
	if from := time.UnixMilli(ms).Add(-late - s.c.Rules[len(s.c.Rules)-1].Width); from.After(oldest) {
		return from, nil
	}
	return oldest, nil
}

func (s *Service) setMark(ctx context.Context, now time.Time) error {
	return s.c.Store.InTx(ctx, func(q *query.Queries) error {
		return q.PutInstallation(ctx, query.PutInstallationParams{Name: mark, Value: strconv.FormatInt(now.UnixMilli(), 10)})
	})
}
