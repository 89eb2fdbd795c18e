package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// Login begins a session and returns its secret. from is the address that asks.
func (s *Service) Login(ctx context.Context, name, password, from, request string) (string, *Who, error) {
	if err := s.limit.allow("address:"+from, "name:"+name); err != nil {
		return "", nil, err
	}
	p, err := s.store.Read().PersonByName(ctx, name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", nil, fmt.Errorf("login: %w", err)
	}
	known := err == nil
	fits, err := s.hash.Fits(ctx, password, p.Password)
	if err != nil {
		return "", nil, fmt.Errorf("login: %w", err)
	}
	if !fits || p.Disabled {
		return "", nil, s.refuseLogin(ctx, known, p, why(p, "the password is wrong"), from, request)
	}
	return s.begin(ctx, p, s.now(), from, request)
}

// why is the reason for the audit log, which its readers alone are told.
func why(p query.Person, reason string) string {
	if p.Disabled {
		return "the person is disabled"
	}
	return reason
}

// refuseLogin says the same of a wrong name and a wrong password.
func (s *Service) refuseLogin(ctx context.Context, known bool, p query.Person, reason, from, request string) error {
	if known {
		by := inventory.Actor{Account: p.AccountID, ID: "user:" + p.ID, Request: request}
		if err := s.auditRefusal(ctx, by, "session.refuse", p.ID, refused{Reason: reason, From: from}); err != nil {
			return err
		}
	}
	return &inventory.Refusal{Kind: Unauthenticated, Message: "name or password is wrong",
		Remedy: "an owner can give you a new code with: releve user code NAME"}
}

// begin begins a session, for an address. confirmed is when the person showed who
// they are; the zero time: nobody knows how long ago.
func (s *Service) begin(ctx context.Context, p query.Person, confirmed time.Time, from, request string) (string, *Who, error) {
	secret, now := newSecret(sessionKind), s.now()
	row := query.InsertSessionParams{Hash: hashSecret(secret), PersonID: p.ID, CreatedAt: now.UnixMilli(),
		SeenAt: now.UnixMilli(), ConfirmedAt: max(confirmed.UnixMilli(), 0), ExpiresAt: now.Add(SessionLife).UnixMilli(), Address: from}
	w := who(p)
	w.Confirmed, w.session = confirmed, row.Hash
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		if err := q.DeleteOldSessions(ctx, now.UnixMilli()); err != nil {
			return fmt.Errorf("ending old sessions: %w", err)
		}
		if err := q.InsertSession(ctx, row); err != nil {
			return fmt.Errorf("beginning a session: %w", err)
		}
		if err := q.SignedIn(ctx, query.SignedInParams{ID: p.ID, SignedInAt: now.UnixMilli()}); err != nil {
			return fmt.Errorf("noting a sign-in: %w", err)
		}
		return s.audit(ctx, q, w.Actor(request), "session.begin", p.ID, nil, nil)
	})
	if err != nil {
		return "", nil, err
	}
	return secret, w, nil
}

func who(p query.Person) *Who {
	return &Who{Account: p.AccountID, Person: p.ID, Name: p.Name, Role: Role(p.Role)}
}

var errUnauthenticated = &inventory.Refusal{Kind: Unauthenticated,
	Message: "the request has no session or token that is good",
	Remedy:  "log in (releve login), or send a token: Authorization: Bearer rlvt_…"}

// BySession tells who has a session.
func (s *Service) BySession(ctx context.Context, secret string) (*Who, error) {
	if !whole(sessionKind, secret) {
		return nil, errUnauthenticated
	}
	row, err := s.store.Read().PersonOfSession(ctx, hashSecret(secret))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errUnauthenticated
	case err != nil:
		return nil, fmt.Errorf("looking for a session: %w", err)
	}
	if row.Person.Disabled || !s.good(row.Session) {
		return nil, errUnauthenticated
	}
	if now := s.now(); now.Sub(time.UnixMilli(row.Session.SeenAt)) >= noteEach {
		err := s.store.InTx(ctx, func(q *query.Queries) error {
			return q.SeeSession(ctx, query.SeeSessionParams{Hash: row.Session.Hash, SeenAt: now.UnixMilli()})
		})
		if err != nil {
			return nil, fmt.Errorf("noting a session: %w", err)
		}
	}
	w := who(row.Person)
	w.Confirmed, w.session = time.UnixMilli(row.Session.ConfirmedAt), row.Session.Hash
	return w, nil
}

// Confirm takes the password once more, for what can't be undone.
func (s *Service) Confirm(ctx context.Context, w *Who, password, from, request string) error {
	if err := noToken(w); err != nil {
		return err
	}
	if err := s.limit.allow("name:" + w.Name); err != nil {
		return err
	}
	p, err := s.store.Read().Person(ctx, query.PersonParams{AccountID: w.Account, ID: w.Person})
	if err != nil {
		return fmt.Errorf("confirming: %w", err)
	}
	fits, err := s.hash.Fits(ctx, password, p.Password)
	if err != nil {
		return fmt.Errorf("confirming: %w", err)
	}
	if !fits {
		return s.refuseLogin(ctx, true, p, "the password is wrong", from, request)
	}
	return s.store.InTx(ctx, func(q *query.Queries) error { return s.confirmed(ctx, q, w, s.now()) })
}

// confirmed notes when somebody showed who they are: for what they do next, and in
// this request too.
func (s *Service) confirmed(ctx context.Context, q *query.Queries, w *Who, at time.Time) error {
	w.Confirmed = at
	return q.ConfirmSession(ctx, query.ConfirmSessionParams{Hash: w.session, ConfirmedAt: at.UnixMilli()})
}

// noToken refuses a token what is a person's alone.
func noToken(w *Who) error {
	if w.Token == "" {
		return nil
	}
	return &inventory.Refusal{Kind: Forbidden, Message: "a token can't show again who it is",
		Remedy: "give the token the scope of what it is to do"}
}

// NeedConfirmed refuses what can't be undone to a session whose password was
// given too long ago. A token can't be asked: its scopes have named the action.
func (s *Service) NeedConfirmed(w *Who) error {
	if w.Token != "" || s.now().Sub(w.Confirmed) < ConfirmLife {
		return nil
	}
	return &inventory.Refusal{Kind: Unconfirmed,
		Message: fmt.Sprintf("this wants you to show who you are, which you did more than %.0f minutes ago", ConfirmLife.Minutes()),
		Remedy:  "give your password once more (POST /api/v1/session/confirm), use a passkey, or sign in at your provider anew"}
}

// Logout ends a session; of a token it does nothing.
func (s *Service) Logout(ctx context.Context, w *Who, request string) error {
	if w.Token != "" {
		return nil
	}
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if err := q.DeleteSession(ctx, w.session); err != nil {
			return fmt.Errorf("ending a session: %w", err)
		}
		return s.audit(ctx, q, w.Actor(request), "session.end", w.Person, nil, nil)
	})
}

// SetPassword changes one's own, and ends one's other sessions.
func (s *Service) SetPassword(ctx context.Context, w *Who, password, request string) error {
	if w.Token != "" {
		return &inventory.Refusal{Kind: Forbidden, Message: "a token can't change a password"}
	}
	if err := s.NeedConfirmed(w); err != nil {
		return err
	}
	if err := checkPassword(password); err != nil {
		return err
	}
	hash, err := s.hash.Make(ctx, password)
	if err != nil {
		return fmt.Errorf("hashing a password: %w", err)
	}
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if err := s.renew(ctx, q, w.Person, hash); err != nil {
			return err
		}
		return s.audit(ctx, q, w.Actor(request), "password.set", w.Person, nil, nil)
	})
}

// renew sets a password and ends all that an older one had begun.
func (s *Service) renew(ctx context.Context, q *query.Queries, person, hash string) error {
	if err := q.SetPassword(ctx, query.SetPasswordParams{ID: person, Password: hash}); err != nil {
		return fmt.Errorf("setting a password: %w", err)
	}
	if err := q.DeleteCodes(ctx, person); err != nil {
		return fmt.Errorf("ending codes: %w", err)
	}
	if err := q.DeleteSessions(ctx, person); err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return nil
}

// checkName says why a person can't be called so.
func checkName(name string) error {
	if len(name) >= 1 && len(name) <= 100 && strings.TrimSpace(name) == name && !strings.ContainsAny(name, "\x00\r\n\t ") {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.Invalid, Field: "name", Message: fmt.Sprintf("a person can't be called %q", name),
		Remedy: "use 1 to 100 characters without spaces"}
}
