package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// mostPasskeys is how many a person may have.
const mostPasskeys = 20

// Passkey is one of a person's authenticators (WebAuthn). What it can do is
// manager/passkey's; here is whose it is.
type Passkey struct {
	ID         string // the credential's
	Name       string
	Credential string // manager/passkey's
	Created    time.Time
	Used       time.Time // zero: never
}

func passkey(p query.Passkey) Passkey {
	made := Passkey{ID: p.ID, Name: p.Name, Credential: p.Credential, Created: time.UnixMilli(p.CreatedAt).UTC()}
	if p.UsedAt != 0 {
		made.Used = time.UnixMilli(p.UsedAt).UTC()
	}
	return made
}

// AddPasskey gives somebody a way to sign in, once they have shown who they are.
func (s *Service) AddPasskey(ctx context.Context, w *Who, k Passkey, request string) error {
	if err := errors.Join(noToken(w), s.NeedConfirmed(w)); err != nil {
		return err
	}
	if k.Name == "" || len(k.Name) > 100 {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "name", Message: "a passkey needs a name of 100 characters at most",
			Remedy: "name it for the device that has it"}
	}
	return s.store.InTx(ctx, func(q *query.Queries) error {
		all, err := q.Passkeys(ctx, query.PasskeysParams{AccountID: w.Account, PersonID: w.Person})
		switch {
		case err != nil:
			return fmt.Errorf("listing passkeys: %w", err)
		case len(all) >= mostPasskeys:
			return &inventory.Refusal{Kind: inventory.NotNow, Message: fmt.Sprintf("you have %d passkeys, the most there may be", len(all)),
				Remedy: "delete one that you don't use"}
		}
		err = q.InsertPasskey(ctx, query.InsertPasskeyParams{ID: k.ID, AccountID: w.Account, PersonID: w.Person, Name: k.Name,
			Credential: k.Credential, CreatedAt: s.millis()})
		if err != nil {
			return fmt.Errorf("adding a passkey: %w", err)
		}
		return s.audit(ctx, q, w.Actor(request), "passkey.add", k.ID, nil, map[string]string{"name": k.Name})
	})
}

// Passkeys are one's own.
func (s *Service) Passkeys(ctx context.Context, w *Who) ([]Passkey, error) {
	rows, err := s.store.Read().Passkeys(ctx, query.PasskeysParams{AccountID: w.Account, PersonID: w.Person})
	if err != nil {
		return nil, fmt.Errorf("listing passkeys: %w", err)
	}
	all := make([]Passkey, 0, len(rows))
	for _, r := range rows {
		all = append(all, passkey(r))
	}
	return all, nil
}

// DeletePasskey ends one of one's own.
func (s *Service) DeletePasskey(ctx context.Context, w *Who, id, request string) error {
	if err := errors.Join(noToken(w), s.NeedConfirmed(w)); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(q *query.Queries) error {
		n, err := q.DeletePasskey(ctx, query.DeletePasskeyParams{AccountID: w.Account, PersonID: w.Person, ID: id})
		switch {
		case err != nil:
			return fmt.Errorf("deleting a passkey: %w", err)
		case n == 0:
			return &inventory.Refusal{Kind: inventory.Absent, Message: fmt.Sprintf("you have no passkey %q", id)}
		}
		return s.audit(ctx, q, w.Actor(request), "passkey.delete", id, nil, nil)
	})
}

// ByPasskey is whose a passkey is.
func (s *Service) ByPasskey(ctx context.Context, id string) (*Who, Passkey, error) {
	row, err := s.store.Read().PersonOfPasskey(ctx, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, Passkey{}, errPasskey
	case err != nil:
		return nil, Passkey{}, fmt.Errorf("looking for a passkey: %w", err)
	}
	return who(row.Person), passkey(row.Passkey), nil
}

var errPasskey = &inventory.Refusal{Kind: Unauthenticated, Message: "the passkey isn't known here, or its answer isn't good",
	Remedy: "sign in another way, and look at your passkeys"}

// RefusePasskey makes the refusal of a passkey's answer, and a row of the audit
// log where its person is known.
func (s *Service) RefusePasskey(ctx context.Context, w *Who, reason, from, request string) error {
	if w != nil {
		if err := s.auditRefusal(ctx, w.Actor(request), "session.refuse", w.Person, refused{Reason: reason, From: from}); err != nil {
			return err
		}
	}
	return errPasskey
}

// LoginPasskey begins a session for whose passkey has given a good answer. k has
// its credential as it is from now on.
func (s *Service) LoginPasskey(ctx context.Context, k Passkey, from, request string) (string, *Who, error) {
	row, err := s.store.Read().PersonOfPasskey(ctx, k.ID)
	if err != nil {
		return "", nil, fmt.Errorf("login: %w", err)
	}
	if row.Person.Disabled {
		return "", nil, s.RefusePasskey(ctx, who(row.Person), "the person is disabled", from, request)
	}
	if err := s.usePasskey(ctx, k, nil); err != nil {
		return "", nil, err
	}
	return s.begin(ctx, row.Person, s.now(), from, request)
}

// ConfirmPasskey takes a passkey's good answer in place of the password.
func (s *Service) ConfirmPasskey(ctx context.Context, w *Who, k Passkey) error {
	if err := noToken(w); err != nil {
		return err
	}
	return s.usePasskey(ctx, k, w)
}

func (s *Service) usePasskey(ctx context.Context, k Passkey, confirms *Who) error {
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if err := q.UsePasskey(ctx, query.UsePasskeyParams{ID: k.ID, Credential: k.Credential, UsedAt: s.millis()}); err != nil {
			return fmt.Errorf("noting a passkey: %w", err)
		}
		if confirms == nil {
			return nil
		}
		return s.confirmed(ctx, q, confirms, s.now())
	})
}

// EndPasskeys ends all of a person's, who may have lost the device.
func (s *Service) EndPasskeys(ctx context.Context, by inventory.Actor, id string) error {
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if _, err := find(ctx, q, by.Account, id); err != nil {
			return err
		}
		if err := q.DeletePasskeys(ctx, id); err != nil {
			return fmt.Errorf("ending passkeys: %w", err)
		}
		return s.audit(ctx, q, by, "passkey.end", id, nil, nil)
	})
}
