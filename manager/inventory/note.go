package inventory

import (
	"context"
	"fmt"
	"math"
	"time"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// Note is what a device has said of how it is. Nobody's settings wait for it alone.
type Note struct {
	Serial   site.Serial
	Version  *site.Version // that it has connected with; nil: this tells of no connection
	Progress *Progress     // how far it has come with its settings; nil: nothing of that
}

// Seen notes that a device has connected.
func Seen(serial site.Serial, v site.Version) Note { return Note{Serial: serial, Version: &v} }

// Progressed notes how far a device has come.
func Progressed(serial site.Serial, p Progress) Note { return Note{Serial: serial, Progress: &p} }

const (
	// seenEvery is how precisely it is kept when a device has connected: when all come
	// back at once, with nothing new, none of them is to cost a write.
	seenEvery = time.Hour
	// mostProblem is how long a problem may be: some sentences.
	mostProblem = 2000
)

// Note, for the fleet, keeps in one transaction what devices have said, in its
// order: all of it, or nothing. Where nothing is new it writes nothing.
func (s *Service) Note(ctx context.Context, notes ...Note) error {
	fresh, err := s.fresh(ctx, notes)
	if err != nil || len(fresh) == 0 {
		return err
	}
	var told []Notice // of the last try
	err = s.store.InTx(ctx, func(q *query.Queries) error {
		told = nil
		for _, note := range fresh {
			n, err := s.note(ctx, q, note)
			if err != nil {
				return err
			}
			if len(n.Serials) > 0 {
				told = append(told, n)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range told {
		s.notify(n)
	}
	return nil
}

// fresh are those that say something new. What follows a new one of the same device
// is new too: it may say again what the database has still.
func (s *Service) fresh(ctx context.Context, notes []Note) (fresh []Note, err error) {
	changed := map[site.Serial]bool{}
	for _, note := range notes {
		if err := note.check(); err != nil {
			return nil, err
		}
		row, err := s.registeredNow(ctx, note.Serial)
		if err != nil {
			return nil, err
		}
		if changed[note.Serial] || note.news(row, s.clock()) {
			changed[note.Serial] = true
			fresh = append(fresh, note)
		}
	}
	return fresh, nil
}

func (n Note) check() error {
	if n.Progress != nil && max(n.Progress.Delivered, n.Progress.Applied) > math.MaxInt64 {
		return &Refusal{Kind: Invalid, Field: "generation",
			Message: fmt.Sprintf("generation %d of %s can't be", max(n.Progress.Delivered, n.Progress.Applied), n.Serial)}
	}
	return nil
}

func (n Note) news(row query.VSocket, now time.Time) bool {
	if n.Version != nil && (row.Version != n.Version.String() || !now.Before(timeOf(row.SeenAt).Add(seenEvery))) {
		return true
	}
	p := n.Progress
	return p != nil && (row.Delivered != int64(p.Delivered) || row.Applied != int64(p.Applied) || row.Problem != shortened(p.Problem, mostProblem))
}

func (s *Service) note(ctx context.Context, q *query.Queries, note Note) (n Notice, err error) {
	row, err := registered(ctx, q, note.Serial)
	if err != nil {
		return n, err
	}
	rows := int64(1)
	if note.Version != nil {
		rows, err = q.SeeVSocket(ctx, query.SeeVSocketParams{Version: note.Version.String(), SeenAt: s.clock().UnixMilli(), Serial: row.Serial})
	}
	if err == nil && rows == 1 && note.Progress != nil {
		n, rows, err = s.progress(ctx, q, row, *note.Progress)
	}
	if err != nil || rows != 1 {
		return n, fmt.Errorf("writing vSocket %s (%d rows): %w", note.Serial, rows, err)
	}
	return n, nil
}

func (s *Service) progress(ctx context.Context, q *query.Queries, row query.VSocket, p Progress) (n Notice, rows int64, err error) {
	applied := int64(p.Applied)
	if row.Side == site.NoSide.String() {
		n, err = s.popRuns(ctx, q, row, applied)
	} else {
		n, err = vsocketRuns(ctx, q, row, applied)
	}
	if err != nil {
		return n, 0, err
	}
	rows, err = q.SetProgress(ctx, query.SetProgressParams{Delivered: int64(p.Delivered), Applied: applied, Problem: shortened(p.Problem, mostProblem), Serial: row.Serial})
	return n, rows, err
}
