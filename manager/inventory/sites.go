package inventory

import (
	"context"
	"fmt"
	"net/netip"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// NewSite is what a site is made of (E1).
type NewSite struct {
	Name    string
	Native  netip.Prefix
	LocalIP netip.Addr // the primary's LAN IP
	Tags    []string
}

// CreateSite makes an Azure site, and a serial number for its primary vSocket.
func (s *Service) CreateSite(ctx context.Context, a Actor, n NewSite, c Change) (Site, error) {
	var e *editing
	err := s.commit(ctx, c, func(q *query.Queries) error {
		now := s.clock()
		e = &editing{service: s, q: q, actor: a, draft: draft{
			id: newID(), account: a.Account, name: n.Name, generation: 1, createdAt: now, changedAt: now,
			native: n.Native, primaryIP: n.LocalIP,
		}}
		if err := e.setTags(n.Tags); err != nil {
			return err
		}
		if err := e.judge(ctx); err != nil {
			return err
		}
		if err := e.takeNumber(ctx); err != nil {
			return err
		}
		return e.create(ctx)
	})
	if err != nil {
		return Site{}, err
	}
	return e.view(), nil
}

func (e *editing) create(ctx context.Context) error {
	err := e.q.InsertSite(ctx, query.InsertSiteParams{
		ID: e.id, AccountID: e.account, Name: e.name, Generation: int64(e.generation), PrimaryIP: written(e.primaryIP),
		CreatedAt: e.createdAt.UnixMilli(), ChangedAt: e.changedAt.UnixMilli(), Number: int64(e.number), Tags: writtenTags(e.tags),
	})
	if err != nil {
		return fmt.Errorf("writing site %s: %w", e.id, err)
	}
	if e.primary, err = e.makeVSocket(ctx, site.Primary); err != nil {
		return err
	}
	if err := e.writeNetworks(ctx); err != nil {
		return err
	}
	return audit(ctx, e.q, e.actor, e.changedAt, "site.create", e.id, nil, e.audited())
}

// takeNumber gives the site a number that no site ever had.
func (e *editing) takeNumber(ctx context.Context) error {
	n, err := e.q.TakeNumber(ctx)
	if err != nil {
		return fmt.Errorf("numbering a site: %w", err)
	}
	if n > site.MostSites {
		return &Refusal{Kind: NotNow, Message: fmt.Sprintf("%d sites were made here, and there are no addresses inside the tunnels for more", site.MostSites),
			Remedy: "start another manager"}
	}
	e.number = uint64(n)
	return nil
}

// Site reads one.
func (s *Service) Site(ctx context.Context, a Actor, id string) (Site, error) {
	var d draft
	err := s.store.View(ctx, func(q *query.Queries) (err error) {
		d, err = load(ctx, q, a.Account, id)
		return err
	})
	if err != nil {
		return Site{}, err
	}
	return d.view(), nil
}

// Sites reads a part of all of an account, oldest first.
func (s *Service) Sites(ctx context.Context, a Actor, p Page) (List[Site], error) {
	most := p.most()
	after, err := p.start("")
	if err != nil {
		return List[Site]{}, err
	}
	var drafts []draft
	err = s.store.View(ctx, func(q *query.Queries) error {
		rows, err := q.SitePage(ctx, query.SitePageParams{AccountID: a.Account, After: after, Most: int32(most + 1)})
		if err != nil {
			return fmt.Errorf("reading sites: %w", err)
		}
		drafts, err = complete(ctx, q, a.Account, rows)
		return err
	})
	if err != nil {
		return List[Site]{}, err
	}
	list := List[Site]{Items: make([]Site, 0, len(drafts))}
	for _, d := range drafts {
		list.Items = append(list.Items, d.view())
	}
	return list.cut(most, func(s Site) string { return s.ID }), nil
}

// Fields are what SetSite changes; nil stays.
type Fields struct {
	Name *string
	PoPs *[]string // names or ids, best first; empty: all of the account, in the order of their adding
	Tags *[]string
}

// SetSite changes what is no address.
func (s *Service) SetSite(ctx context.Context, a Actor, id string, c Change, f Fields) (Site, error) {
	return s.change(ctx, a, id, c, "site.set", func(ctx context.Context, e *editing) error {
		set(&e.name, f.Name)
		if f.Tags != nil {
			if err := e.setTags(*f.Tags); err != nil {
				return err
			}
		}
		if f.PoPs == nil {
			return nil
		}
		return e.setPoPs(ctx, *f.PoPs)
	})
}

// DeleteSite removes a site without a secondary; its primary's serial number is
// void.
func (s *Service) DeleteSite(ctx context.Context, a Actor, id string, c Change) error {
	var e *editing
	err := s.commit(ctx, c, func(q *query.Queries) error {
		before, err := load(ctx, q, a.Account, id)
		if err != nil {
			return err
		}
		if err := before.matches(c); err != nil {
			return err
		}
		if before.secondary != nil {
			return &Refusal{Kind: NotNow, Message: fmt.Sprintf("site %q has a secondary vSocket, %s", before.name, before.secondary.Serial),
				Remedy: "unassign it first; that can't be undone"}
		}
		e = &editing{draft: before, service: s, q: q, actor: a}
		return e.remove(ctx)
	})
	if err == nil && !c.DryRun {
		s.notify(Notice{Account: e.account, Site: e.id, Generation: e.generation, Serials: e.popSerials, Void: e.void})
	}
	return err
}

func (e *editing) remove(ctx context.Context) error {
	if err := e.voidSerial(ctx, e.primary.Serial); err != nil {
		return err
	}
	if _, err := e.q.DeleteSite(ctx, query.DeleteSiteParams{ID: e.id, AccountID: e.account}); err != nil {
		return fmt.Errorf("deleting site %s: %w", e.id, err)
	}
	if err := e.raisePoPs(ctx); err != nil {
		return err
	}
	return audit(ctx, e.q, e.actor, e.service.clock(), "site.delete", e.id, e.audited(), nil)
}
