package inventory

import (
	"context"
	"fmt"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// CreateAccount makes an account; the first one at the manager's first start.
func (s *Service) CreateAccount(ctx context.Context, name string) (Account, error) {
	if why := site.CheckName(name); why != "" {
		return Account{}, &Refusal{Kind: Invalid, Field: "name", Message: "name of the account: " + why}
	}
	a := Account{ID: newID(), Name: name, CreatedAt: s.clock()}
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		all, err := q.Accounts(ctx)
		if err != nil {
			return fmt.Errorf("reading accounts: %w", err)
		}
		for _, other := range all {
			if other.Name == name {
				return &Refusal{Kind: Taken, Field: "name", Message: fmt.Sprintf("there is an account %q already", name)}
			}
		}
		if err := q.InsertAccount(ctx, query.InsertAccountParams{ID: a.ID, Name: name, CreatedAt: a.CreatedAt.UnixMilli()}); err != nil {
			return fmt.Errorf("writing account %q: %w", name, err)
		}
		return audit(ctx, q, Actor{Account: a.ID, ID: "system"}, a.CreatedAt, "account.create", a.ID, nil, a)
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// Accounts are all, oldest first.
func (s *Service) Accounts(ctx context.Context) ([]Account, error) {
	rows, err := s.store.Read().Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	all := make([]Account, 0, len(rows))
	for _, r := range rows {
		all = append(all, Account{ID: r.ID, Name: r.Name, CreatedAt: timeOf(r.CreatedAt)})
	}
	return all, nil
}

// Account is the one that somebody belongs to.
func (s *Service) Account(ctx context.Context, a Actor) (Account, error) {
	row, err := s.store.Read().Account(ctx, a.Account)
	if err != nil {
		return Account{}, fmt.Errorf("reading the account %s: %w", a.Account, err)
	}
	return Account{ID: row.ID, Name: row.Name, CreatedAt: timeOf(row.CreatedAt)}, nil
}

// lastID is after all ids, in every collation.
const lastID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// Audit reads a part of an account's audit log, newest first.
func (s *Service) Audit(ctx context.Context, a Actor, p Page) (List[AuditRow], error) {
	most := p.most()
	before, err := p.start(lastID)
	if err != nil {
		return List[AuditRow]{}, err
	}
	rows, err := s.store.Read().AuditPage(ctx, query.AuditPageParams{AccountID: a.Account, BeforeID: before, Most: int32(most + 1)})
	if err != nil {
		return List[AuditRow]{}, fmt.Errorf("reading the audit log: %w", err)
	}
	list := List[AuditRow]{Items: make([]AuditRow, 0, len(rows))}
	for _, r := range rows {
		list.Items = append(list.Items, AuditRow{ID: r.ID, At: timeOf(r.At), Actor: r.Actor, Action: r.Action, Target: r.Target,
			Before: r.Before, After: r.After, Request: r.Request})
	}
	return list.cut(most, func(r AuditRow) string { return r.ID }), nil
}
