package presence

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// places are sites and whose they are.
type places map[string]string

// judging runs do in a transaction, judges the sites that it says anew, and then
// tells what has changed. Managers do it one after the other.
func (s *Service) judging(ctx context.Context, do func(*query.Queries) (places, error)) error {
	var changed []string
	var lost []Lost
	err := s.c.Store.InTx(ctx, func(q *query.Queries) error {
		changed, lost = nil, nil
		if err := s.c.Store.LockTable(ctx, q, "judging_turn"); err != nil {
			return err
		}
		sites, err := do(q)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(sites)) {
			j, err := s.judge(ctx, q, sites[id], id)
			if err != nil {
				return err
			}
			if j == nil || !j.news {
				continue
			}
			if err := q.PutJudged(ctx, query.PutJudgedParams{SiteID: id, AccountID: sites[id], Status: j.text, DueAt: millis(j.due), Health: string(j.status.Health())}); err != nil {
				return fmt.Errorf("writing the status of site %s: %w", id, err)
			}
			changed, lost = append(changed, id), append(lost, j.lost...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.tellLost(ctx, lost)
	if len(changed) > 0 {
		s.watches.wake(changed...)
		s.c.Changed(changed)
	}
	return nil
}

func (s *Service) tellLost(ctx context.Context, lost []Lost) {
	for _, l := range lost {
		if err := s.c.Lost(ctx, l); err != nil {
			s.c.Log.Error("not told that a vSocket is lost from sight", slog.String("serial", l.Serial), slog.Any("reason", err))
		}
	}
}

// judgement is a site's status now.
type judgement struct {
	status status.Site
	due    time.Time
	text   string // the status as it is kept
	news   bool   // it isn't what was judged last
	lost   []Lost
}

// judge is nil for a site that isn't there.
func (s *Service) judge(ctx context.Context, q *query.Queries, account, id string) (*judgement, error) {
	now := s.c.Now()
	in, err := s.input(ctx, q, account, id, now)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what site %s is judged by: %w", id, err)
	}
	was, err := q.Judged(ctx, query.JudgedParams{AccountID: account, SiteID: id})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading the status of site %s: %w", id, err)
	}
	var before *status.Site
	if err == nil {
		before = &status.Site{}
		if json.Unmarshal([]byte(was.Status), before) != nil { // another release's
			before = nil
		}
	}
	j := &judgement{status: status.Judge(now, before, in), due: status.Due(now, in)}
	j.text = kept(j.status)
	j.news = j.text != was.Status || millis(j.due) != was.DueAt || string(j.status.Health()) != was.Health
	if before != nil {
		j.lost = lost(before, &j.status)
	}
	return j, nil
}

// kept is a status as it is kept: when a vSocket was heard changes all the time.
func kept(s status.Site) string {
	s.Primary.Heard = time.Time{}
	if s.Secondary != nil {
		secondary := *s.Secondary
		secondary.Heard = time.Time{}
		s.Secondary = &secondary
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic("presence: " + err.Error())
	}
	return string(text)
}

// lost are the vSockets that were heard before, and aren't now.
func lost(before, now *status.Site) (all []Lost) {
	sockets := func(s *status.Site) []status.Socket {
		if s.Secondary == nil {
			return []status.Socket{s.Primary}
		}
		return []status.Socket{s.Primary, *s.Secondary}
	}
	for _, k := range sockets(now) {
		for _, was := range sockets(before) {
			if was.Serial == k.Serial && k.Silent && !was.Silent && was.Connection != status.New {
				all = append(all, Lost{k.Serial, k.Heard})
			}
		}
	}
	return all
}

// input is what the database has of a site.
func (s *Service) input(ctx context.Context, q *query.Queries, account, id string, now time.Time) (status.Input, error) {
	row, err := q.Site(ctx, query.SiteParams{ID: id, AccountID: account})
	if err != nil {
		return status.Input{}, err
	}
	sockets, err := q.LiveVSocketsBetween(ctx, query.LiveVSocketsBetweenParams{AccountID: account, FirstSite: id, LastSite: id})
	if err != nil {
		return status.Input{}, err
	}
	present, err := q.PresencesOfSite(ctx, query.PresencesOfSiteParams{AccountID: account, SiteID: id})
	if err != nil {
		return status.Input{}, err
	}
	in := status.Input{HA: row.FloatingIP != ""}
	for _, v := range sockets {
		r := status.Report{Serial: v.Serial, Heard: timeOf(v.SeenAt)}
		for _, p := range present {
			if p.Serial == v.Serial {
				r = s.report(p, now)
			}
		}
		if v.Side == site.Primary.String() {
			in.Primary = r
		} else {
			in.Secondary = &r
		}
	}
	return in, nil
}

// report is what a vSocket said, and when it was heard.
func (s *Service) report(p query.Presence, now time.Time) status.Report {
	r := status.Report{Serial: p.Serial, Heard: timeOf(p.HeardAt), At: timeOf(p.ReportedAt)}
	if p.Connected {
		last, lives := s.beats.heard(p.Manager)
		switch {
		case p.Manager == s.c.Manager || lives:
			r.Here, r.Heard = true, now
		case last.After(r.Heard):
			r.Heard = last
		}
	}
	var said site.Status
	// What can't be read is no report; a vSocket of another release may send it.
	if json.Unmarshal([]byte(p.Status), &said) == nil {
		r.Status = &said
	}
	return r
}

// judgeDue judges the sites whose status time may have changed.
func (s *Service) judgeDue(ctx context.Context) error {
	for {
		rows, err := s.c.Store.Read().DueSites(ctx, query.DueSitesParams{DueAt: millis(s.c.Now()), Limit: mostInTx})
		if err != nil || len(rows) == 0 {
			return err
		}
		due := places{}
		for _, r := range rows {
			due[r.SiteID] = r.AccountID
			s.foresee(ctx, r.AccountID, r.SiteID)
		}
		if err := s.judging(ctx, func(*query.Queries) (places, error) { return due, nil }); err != nil {
			return err
		}
		if len(rows) < mostInTx {
			return nil
		}
	}
}

// foresee tells what will be lost before that is kept: a manager that dies between
// the two leaves it to be told twice, not to be told by nobody.
func (s *Service) foresee(ctx context.Context, account, id string) {
	j, err := s.judge(ctx, s.c.Store.Read(), account, id)
	if err == nil && j != nil {
		s.tellLost(ctx, j.lost)
	}
}
