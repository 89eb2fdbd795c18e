package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

var errDryRun = errors.New("dry run")

// commit runs do in a transaction; a dry run's is rolled back once all was
// checked and written.
func (s *Service) commit(ctx context.Context, c Change, do func(q *query.Queries) error) error {
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		if err := do(q); err != nil {
			return err
		}
		if c.DryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// editing is a change of a site within its transaction.
type editing struct {
	draft
	service    *Service
	q          *query.Queries
	actor      Actor
	void       []site.Serial
	popSerials []site.Serial // of PoPs whose settings are others now
}

// change is the one way in which a site's settings change: read, condition,
// edit, judge, write, audit. An edit that changes nothing is no change.
func (s *Service) change(ctx context.Context, a Actor, id string, c Change, action string, edit func(ctx context.Context, e *editing) error) (Site, error) {
	var e *editing // of the last try
	changed := false
	err := s.commit(ctx, c, func(q *query.Queries) error {
		before, err := load(ctx, q, a.Account, id)
		if err != nil {
			return err
		}
		if err := before.matches(c); err != nil {
			return err
		}
		e = &editing{draft: before.clone(), service: s, q: q, actor: a}
		if err := edit(ctx, e); err != nil {
			return err
		}
		changed = !reflect.DeepEqual(before.audited(), e.audited())
		if !changed {
			return nil
		}
		return e.finish(ctx, action, before)
	})
	if err != nil {
		return Site{}, err
	}
	if changed && !c.DryRun {
		s.notify(e.notice())
	}
	return e.view(), nil
}

// matches is the condition that the caller saw what it changes.
func (d draft) matches(c Change) error {
	switch c.IfMatch {
	case d.generation:
		return nil
	case seenByItself:
		return nil
	case 0:
		return &Refusal{Kind: Missing, Message: fmt.Sprintf("a change of site %q needs the generation that it was seen at", d.name),
			Remedy: fmt.Sprintf("read the site, and send If-Match: %q", fmt.Sprint(d.generation))}
	}
	return &Refusal{Kind: Stale, Message: fmt.Sprintf("site %q is at generation %d, not %d: somebody changed it since", d.name, d.generation, c.IfMatch),
		Remedy: "read it again, and repeat the change if it still fits"}
}

// finish judges what was edited, and writes it.
func (e *editing) finish(ctx context.Context, action string, before draft) error {
	if err := e.judge(ctx); err != nil {
		return err
	}
	e.generation++
	e.changedAt = e.service.clock()
	n, err := e.q.UpdateSite(ctx, query.UpdateSiteParams{
		Name: e.name, PrimaryIP: written(e.primaryIP), SecondaryIP: written(e.secondaryIP), FloatingIP: written(e.floatingIP),
		HAKey: e.key, ChangedAt: e.changedAt.UnixMilli(), ID: e.id, AccountID: e.account, Generation: int64(before.generation),
		KeepaliveMs: e.ha.Keepalive.Milliseconds(), SilentMs: e.ha.Silent.Milliseconds(), LeaseMs: e.ha.Lease.Milliseconds(),
		ConfirmMs: e.ha.Confirm.Milliseconds(), HoldMs: e.ha.Hold.Milliseconds(),
		Preempt: e.ha.Preempt, Alone: e.ha.Alone, Third: e.ha.Third, Pops: strings.Join(e.pops, " "), Tags: writtenTags(e.tags),
	})
	if err != nil {
		return fmt.Errorf("writing site %s: %w", e.id, err)
	}
	if n != 1 {
		return fmt.Errorf("writing site %s: it changed within a transaction", e.id)
	}
	if err := e.writeNetworks(ctx); err != nil {
		return err
	}
	if err := e.tellPoPs(ctx, before); err != nil {
		return err
	}
	return audit(ctx, e.q, e.actor, e.changedAt, action, e.id, before.audited(), e.audited())
}

// judge applies E6 to the site by itself and among the account's.
func (e *editing) judge(ctx context.Context) error {
	if why := site.CheckName(e.name); why != "" {
		return &Refusal{Kind: Invalid, Field: "name", Message: "name of the site: " + why}
	}
	named, err := e.q.SitesNamed(ctx, query.SitesNamedParams{AccountID: e.account, Name: e.name})
	if err != nil {
		return fmt.Errorf("looking for a site of the same name: %w", err)
	}
	for _, id := range named {
		if id != e.id {
			return &Refusal{Kind: Taken, Field: "name", Message: fmt.Sprintf("there is a site %q already", e.name)}
		}
	}
	a := e.addressing()
	faults := append(a.Check(), e.ha.Check()...)
	if faults == nil {
		others, err := e.overlapping(ctx, a)
		if err != nil {
			return err
		}
		faults = a.CheckOthers(others)
	}
	if faults != nil {
		return &Refusal{Kind: Invalid, Field: faults[0].Field, Message: faults[0].Message, Faults: faults}
	}
	return nil
}

// notice is what devices must hear of.
func (e *editing) notice() Notice {
	n := Notice{Account: e.account, Site: e.id, Generation: e.generation, Serials: []site.Serial{e.primary.Serial}, Void: e.void}
	if e.secondary != nil {
		n.Serials = append(n.Serials, e.secondary.Serial)
	}
	n.Serials = append(n.Serials, e.popSerials...)
	return n
}

// audit writes the row of a change, within its transaction (E12).
func audit(ctx context.Context, q *query.Queries, a Actor, at time.Time, action, target string, before, after any) error {
	row := query.InsertAuditParams{ID: newID(), AccountID: a.Account, At: at.UnixMilli(), Actor: a.ID, Action: action, Target: target, Request: storable(a.Request)}
	for _, part := range []struct {
		value any
		text  *string
	}{{before, &row.Before}, {after, &row.After}} {
		if part.value == nil {
			continue
		}
		text, err := json.Marshal(part.value)
		if err != nil {
			panic("inventory: audit row of " + action + ": " + err.Error())
		}
		*part.text = string(text)
	}
	if err := q.InsertAudit(ctx, row); err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// Ordered writes into the audit log what somebody has a device do: no setting changes.
func (s *Service) Ordered(ctx context.Context, a Actor, action, target string, how any) error {
	return s.store.InTx(ctx, func(q *query.Queries) error { return audit(ctx, q, a, s.clock(), action, target, nil, how) })
}

// storable makes a short text that came from outside one that both databases keep.
func storable(text string) string { return shortened(text, 128) }

func shortened(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// newID is a UUIDv7: ids grow with time.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// clock is now, as precisely as it is stored.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
