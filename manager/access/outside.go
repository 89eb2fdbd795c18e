package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
	secret "releve.dev/releve/password"
)

// Outside is what a provider (OpenID Connect) says of somebody.
type Outside struct {
	Issuer, Subject string
	Name            string
	Role            Role      // by the owner's rules over the claims; "": by none
	Account         string    // by its name, where the rules put people; "": the only one there is
	Authenticated   time.Time // when they showed the provider who they are; zero: it doesn't say
}

// actor is the provider, for the audit log.
func (o Outside) actor(account, request string) inventory.Actor {
	return inventory.Actor{Account: account, ID: "provider:" + o.Issuer, Request: request}
}

// errOutside has one text for all: what the reason is, the audit log's readers know.
func errOutside(message string) error {
	return &inventory.Refusal{Kind: Forbidden, Message: message,
		Remedy: "ask an owner of the account: the reason is in the audit log (releve audit)"}
}

// LoginOutside begins a session for whom a provider vouches for. Somebody who
// isn't known yet becomes a person with the role of the rules, which is never
// owner; their role follows the rules at each login.
func (s *Service) LoginOutside(ctx context.Context, o Outside, from, request string) (string, *Who, error) {
	p, err := s.vouched(ctx, o, from, request)
	if err != nil {
		return "", nil, err
	}
	return s.begin(ctx, p, o.Authenticated, from, request)
}

// VouchedFor is who LoginOutside would begin a session for.
func (s *Service) VouchedFor(ctx context.Context, o Outside, from, request string) (*Who, error) {
	p, err := s.vouched(ctx, o, from, request)
	if err != nil {
		return nil, err
	}
	return who(p), nil
}

// LoginKnown begins a session for somebody who showed at a moment who they are,
// in a browser, for another program of theirs.
func (s *Service) LoginKnown(ctx context.Context, account, id string, confirmed time.Time, from, request string) (string, *Who, error) {
	p, err := s.store.Read().Person(ctx, query.PersonParams{AccountID: account, ID: id})
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && p.Disabled:
		return "", nil, errUnauthenticated
	case err != nil:
		return "", nil, fmt.Errorf("login: %w", err)
	}
	return s.begin(ctx, p, confirmed, from, request)
}

func (s *Service) vouched(ctx context.Context, o Outside, from, request string) (query.Person, error) {
	known, err := s.store.Read().PersonOfIdentity(ctx, query.PersonOfIdentityParams{Issuer: o.Issuer, Subject: o.Subject})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s.newcomer(ctx, o, from, request)
	case err != nil:
		return query.Person{}, fmt.Errorf("looking for %s of %s: %w", o.Subject, o.Issuer, err)
	}
	p := known.Person
	refuse := func(reason string) (query.Person, error) {
		return p, s.refuseOutside(ctx, o, p.AccountID, p.ID, reason, from, request)
	}
	switch {
	case p.Disabled:
		return refuse("the person is disabled")
	case !known.Identity.Follows || Role(p.Role) == Owner: // an owner's role was given by an owner
		return p, nil
	case o.Role == "":
		return refuse("no rule (--oidc-role) gives them a role any more")
	case o.Role == Role(p.Role):
		return p, nil
	}
	before := person(p)
	p.Role = string(o.Role)
	return p, s.store.InTx(ctx, func(q *query.Queries) error {
		if err := q.SetPerson(ctx, query.SetPersonParams{AccountID: p.AccountID, ID: p.ID, Role: p.Role, Disabled: p.Disabled}); err != nil {
			return fmt.Errorf("changing a person: %w", err)
		}
		return s.audit(ctx, q, o.actor(p.AccountID, request), "person.set", p.ID, before, person(p))
	})
}

// newcomer makes a person of somebody for whom the rules have a role.
func (s *Service) newcomer(ctx context.Context, o Outside, from, request string) (query.Person, error) {
	account, err := s.accountNamed(ctx, o.Account)
	if err != nil {
		return query.Person{}, err
	}
	row := query.InsertPersonParams{ID: newID(), AccountID: account, Name: o.Name, Role: string(o.Role), Password: secret.Nobody, CreatedAt: s.millis()}
	reason := ""
	switch {
	case o.Role == "" || o.Role == Owner:
		reason = "no rule (--oidc-role) gives them a role"
	case checkName(o.Name) != nil:
		reason = fmt.Sprintf("nobody can be called %q here", o.Name)
	}
	if reason == "" {
		err = s.store.InTx(ctx, func(q *query.Queries) error {
			if _, err := q.PersonByName(ctx, o.Name); !errors.Is(err, sql.ErrNoRows) {
				reason = fmt.Sprintf("the name %q is another person's; if it is the same: releve user link %s --subject %s", o.Name, o.Name, o.Subject)
				return err
			}
			if err := q.InsertPerson(ctx, row); err != nil {
				return fmt.Errorf("adding a person: %w", err)
			}
			if err := s.link(ctx, q, o, account, row.ID, true); err != nil {
				return err
			}
			return s.audit(ctx, q, o.actor(account, request), "person.add", row.ID, nil, person(query.Person(row)))
		})
		if err != nil {
			return query.Person{}, err
		}
	}
	if reason != "" {
		return query.Person{}, s.refuseOutside(ctx, o, account, o.Subject, reason, from, request)
	}
	return query.Person(row), nil
}

// accountNamed is where the rules put people.
func (s *Service) accountNamed(ctx context.Context, name string) (string, error) {
	all, err := s.store.Read().Accounts(ctx)
	if err != nil {
		return "", fmt.Errorf("reading accounts: %w", err)
	}
	for _, a := range all {
		if a.Name == name || name == "" && len(all) == 1 {
			return a.ID, nil
		}
	}
	return "", fmt.Errorf("there is no account %q, or there are several\nhint: --oidc-account names the one into which the provider's people come", name)
}

func (s *Service) link(ctx context.Context, q *query.Queries, o Outside, account, id string, follows bool) error {
	err := q.InsertIdentity(ctx, query.InsertIdentityParams{Issuer: o.Issuer, Subject: o.Subject, AccountID: account, PersonID: id,
		Follows: follows, CreatedAt: s.millis()})
	if err != nil {
		return fmt.Errorf("linking %s of %s: %w", o.Subject, o.Issuer, err)
	}
	return nil
}

func unlink(ctx context.Context, q *query.Queries, account, id string) error {
	_, err := q.DeleteIdentities(ctx, query.DeleteIdentitiesParams{AccountID: account, PersonID: id})
	return err
}

func (s *Service) refuseOutside(ctx context.Context, o Outside, account, target, reason, from, request string) error {
	if err := s.auditRefusal(ctx, o.actor(account, request), "session.refuse", target, refused{Reason: reason, From: from}); err != nil {
		return err
	}
	return errOutside("the provider knows you, and this manager doesn't let you in")
}

// RefuseProvider notes that what came as a provider's answer isn't good, and
// makes the refusal.
func (s *Service) RefuseProvider(ctx context.Context, o Outside, reason, from, request string) error {
	account, err := s.accountNamed(ctx, o.Account)
	if err != nil {
		return err
	}
	if err := s.auditRefusal(ctx, o.actor(account, request), "session.refuse", o.Issuer, refused{Reason: reason, From: from}); err != nil {
		return err
	}
	return errOutside("the provider's answer is refused: " + reason)
}

// ConfirmOutside takes a provider's word that somebody has shown once more who
// they are.
func (s *Service) ConfirmOutside(ctx context.Context, w *Who, o Outside, from, request string) error {
	if err := noToken(w); err != nil {
		return err
	}
	known, err := s.store.Read().PersonOfIdentity(ctx, query.PersonOfIdentityParams{Issuer: o.Issuer, Subject: o.Subject})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("confirming: %w", err)
	}
	reason := ""
	switch {
	case err != nil || known.Person.ID != w.Person:
		reason = "somebody else signed in at the provider"
	case s.now().Sub(o.Authenticated) >= ConfirmLife:
		reason = "the provider asked for no password anew"
	}
	if reason != "" {
		return s.refuseOutside(ctx, o, w.Account, w.Person, reason, from, request)
	}
	return s.store.InTx(ctx, func(q *query.Queries) error { return s.confirmed(ctx, q, w, o.Authenticated) })
}

// LinkPerson lets a provider's subject be somebody who is here already. Their
// role stays theirs.
func (s *Service) LinkPerson(ctx context.Context, by inventory.Actor, id, issuer, subject string) error {
	if issuer == "" || subject == "" || len(issuer)+len(subject) > 500 {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "subject", Message: "a link needs an issuer and a subject of it",
			Remedy: "the subject is the claim sub in the provider's token; a refused login leaves it in the audit log"}
	}
	o := Outside{Issuer: issuer, Subject: subject}
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if _, err := find(ctx, q, by.Account, id); err != nil {
			return err
		}
		switch _, err := q.PersonOfIdentity(ctx, query.PersonOfIdentityParams{Issuer: issuer, Subject: subject}); {
		case err == nil:
			return &inventory.Refusal{Kind: inventory.Taken, Field: "subject", Message: fmt.Sprintf("the subject %q is linked already", subject),
				Remedy: "unlink who has it: releve user unlink NAME"}
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("looking for %s of %s: %w", subject, issuer, err)
		}
		if err := s.link(ctx, q, o, by.Account, id, false); err != nil {
			return err
		}
		return s.audit(ctx, q, by, "person.link", id, nil, o)
	})
}

// Linked is whom a person is at providers.
func (s *Service) Linked(ctx context.Context, account, id string) ([]Outside, error) {
	var all []Outside
	err := s.store.View(ctx, func(q *query.Queries) error {
		if _, err := find(ctx, q, account, id); err != nil {
			return err
		}
		rows, err := q.Identities(ctx, query.IdentitiesParams{AccountID: account, PersonID: id})
		if err != nil {
			return fmt.Errorf("reading a person's links: %w", err)
		}
		for _, r := range rows {
			all = append(all, Outside{Issuer: r.Issuer, Subject: r.Subject})
		}
		return nil
	})
	return all, err
}

// UnlinkPerson ends all of a person's links to providers.
func (s *Service) UnlinkPerson(ctx context.Context, by inventory.Actor, id string) error {
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if _, err := find(ctx, q, by.Account, id); err != nil {
			return err
		}
		if err := unlink(ctx, q, by.Account, id); err != nil {
			return fmt.Errorf("unlinking a person: %w", err)
		}
		return s.audit(ctx, q, by, "person.unlink", id, nil, nil)
	})
}
