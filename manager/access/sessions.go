package access

import (
	"context"
	"fmt"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// Session is one of a person's: of a browser, or of a program that signed in.
type Session struct {
	ID      string
	Began   time.Time
	Seen    time.Time // its last use, to the minute
	Expires time.Time // at the latest
	Address string    // that began it; "": not known
	This    bool      // it is the one that asks
}

// sessionID names a session to its person. It is of the hash, from which nobody
// finds the secret.
func sessionID(s query.Session) string { return s.Hash[:16] }

// alive are a person's sessions that are good, the newest first.
func (s *Service) alive(ctx context.Context, q *query.Queries, w *Who) ([]query.Session, error) {
	rows, err := q.Sessions(ctx, w.Person)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	good := rows[:0]
	for _, r := range rows {
		if s.good(r) {
			good = append(good, r)
		}
	}
	return good, nil
}

// good reports whether a session is neither too old nor too long unused.
func (s *Service) good(r query.Session) bool {
	now := s.now()
	return now.UnixMilli() < r.ExpiresAt && now.Sub(time.UnixMilli(r.SeenAt)) < SessionIdle
}

// Sessions are one's own, the newest first.
func (s *Service) Sessions(ctx context.Context, w *Who) ([]Session, error) {
	rows, err := s.alive(ctx, s.store.Read(), w)
	if err != nil {
		return nil, err
	}
	all := make([]Session, 0, len(rows))
	for _, r := range rows {
		all = append(all, Session{ID: sessionID(r), Began: time.UnixMilli(r.CreatedAt).UTC(), Seen: time.UnixMilli(r.SeenAt).UTC(),
			Expires: time.UnixMilli(r.ExpiresAt).UTC(), Address: r.Address, This: r.Hash == w.session})
	}
	return all, nil
}

// EndSession ends one of one's own.
func (s *Service) EndSession(ctx context.Context, w *Who, id, request string) error {
	ended, err := s.end(ctx, w, request, func(r query.Session) bool { return sessionID(r) == id })
	if err == nil && ended == 0 {
		err = &inventory.Refusal{Kind: inventory.Absent, Message: fmt.Sprintf("you have no session %q", id)}
	}
	return err
}

// EndOtherSessions ends all of one's own but the one that asks, if it is one.
func (s *Service) EndOtherSessions(ctx context.Context, w *Who, request string) error {
	_, err := s.end(ctx, w, request, func(r query.Session) bool { return r.Hash != w.session })
	return err
}

func (s *Service) end(ctx context.Context, w *Who, request string, meant func(query.Session) bool) (ended int, err error) {
	err = s.store.InTx(ctx, func(q *query.Queries) error {
		ended = 0
		rows, err := s.alive(ctx, q, w)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !meant(r) {
				continue
			}
			if err := q.DeleteSession(ctx, r.Hash); err != nil {
				return fmt.Errorf("ending a session: %w", err)
			}
			if err := s.audit(ctx, q, w.Actor(request), "session.end", w.Person, map[string]string{"address": r.Address}, nil); err != nil {
				return err
			}
			ended++
		}
		return nil
	})
	return ended, err
}
