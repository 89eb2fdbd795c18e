package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// Person is one of an account's people.
type Person struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Disabled bool      `json:"disabled"`
	Invited  bool      `json:"invited"` // has set no password yet
	Created  time.Time `json:"created"`
	SignedIn time.Time `json:"-"` // the last time; zero: never
}

func person(p query.Person) Person {
	made := Person{ID: p.ID, Name: p.Name, Role: Role(p.Role), Disabled: p.Disabled, Invited: p.Password == "",
		Created: time.UnixMilli(p.CreatedAt).UTC()}
	if p.SignedInAt != 0 {
		made.SignedIn = time.UnixMilli(p.SignedInAt).UTC()
	}
	return made
}

// Anybody reports whether the manager has any people yet.
func (s *Service) Anybody(ctx context.Context) (bool, error) {
	n, err := s.store.Read().CountPeople(ctx)
	if err != nil {
		return false, fmt.Errorf("counting people: %w", err)
	}
	return n > 0, nil
}

// AddPerson makes a person, and a code with which they set their password.
func (s *Service) AddPerson(ctx context.Context, by inventory.Actor, name string, role Role) (Person, string, error) {
	if err := checkName(name); err != nil {
		return Person{}, "", err
	}
	if err := checkRole(role); err != nil {
		return Person{}, "", err
	}
	row := query.InsertPersonParams{ID: newID(), AccountID: by.Account, Name: name, Role: string(role), CreatedAt: s.millis()}
	made := person(query.Person(row))
	var code string
	err := s.store.InTx(ctx, func(q *query.Queries) (err error) {
		switch _, err := q.PersonByName(ctx, name); {
		case err == nil:
			return &inventory.Refusal{Kind: inventory.Taken, Field: "name",
				Message: fmt.Sprintf("the name %q is taken", name), Remedy: "choose another: names are unique in this manager"}
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("looking for a person: %w", err)
		}
		if err := q.InsertPerson(ctx, row); err != nil {
			return fmt.Errorf("adding a person: %w", err)
		}
		if code, err = s.newCode(ctx, q, row.ID, CodeLife); err != nil {
			return err
		}
		return s.audit(ctx, q, by, "person.add", row.ID, nil, made)
	})
	return made, code, err
}

func checkRole(r Role) error {
	if slices.Contains(Roles, r) {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.Invalid, Field: "role", Message: fmt.Sprintf("there is no role %q", r),
		Remedy: fmt.Sprintf("the roles are %v", Roles)}
}

func (s *Service) newCode(ctx context.Context, q *query.Queries, person string, life time.Duration) (string, error) {
	if err := q.DeleteCodes(ctx, person); err != nil {
		return "", fmt.Errorf("ending codes: %w", err)
	}
	code := newSecret(codeKind)
	err := q.InsertCode(ctx, query.InsertCodeParams{Hash: hashSecret(code), PersonID: person, ExpiresAt: s.now().Add(life).UnixMilli()})
	if err != nil {
		return "", fmt.Errorf("making a code: %w", err)
	}
	return code, nil
}

// People lists an account's, by id.
func (s *Service) People(ctx context.Context, account, after string, limit int32) ([]Person, error) {
	rows, err := s.store.Read().People(ctx, query.PeopleParams{AccountID: account, ID: after, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("listing people: %w", err)
	}
	all := make([]Person, 0, len(rows))
	for _, r := range rows {
		all = append(all, person(r))
	}
	return all, nil
}

// Person is one of an account's.
func (s *Service) Person(ctx context.Context, account, id string) (Person, error) {
	p, err := find(ctx, s.store.Read(), account, id)
	if err != nil {
		return Person{}, err
	}
	return person(p), nil
}

// find is a person of an account, or a refusal.
func find(ctx context.Context, q *query.Queries, account, id string) (query.Person, error) {
	p, err := q.Person(ctx, query.PersonParams{AccountID: account, ID: id})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return p, &inventory.Refusal{Kind: inventory.Absent, Message: fmt.Sprintf("there is no person %q", id),
			Remedy: "releve user list shows them"}
	case err != nil:
		return p, fmt.Errorf("looking for a person: %w", err)
	}
	return p, nil
}

// SetPerson changes role and whether they may log in.
func (s *Service) SetPerson(ctx context.Context, by inventory.Actor, id string, role Role, disabled bool) (Person, error) {
	if err := checkRole(role); err != nil {
		return Person{}, err
	}
	var after Person
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		p, err := find(ctx, q, by.Account, id)
		if err != nil {
			return err
		}
		before := person(p)
		p.Role, p.Disabled = string(role), disabled
		if err := q.SetPerson(ctx, query.SetPersonParams{AccountID: by.Account, ID: id, Role: p.Role, Disabled: p.Disabled}); err != nil {
			return fmt.Errorf("changing a person: %w", err)
		}
		if err := ownerLeft(ctx, q, by.Account); err != nil {
			return err
		}
		after = person(p)
		return s.audit(ctx, q, by, "person.set", id, before, after)
	})
	return after, err
}

// ownerLeft refuses a change that leaves an account without an owner.
func ownerLeft(ctx context.Context, q *query.Queries, account string) error {
	owners, err := q.Owners(ctx, account)
	if err != nil {
		return fmt.Errorf("counting owners: %w", err)
	}
	if len(owners) > 0 {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.NotNow, Message: "the account would have no owner",
		Remedy: "make somebody else an owner first"}
}

// DeletePerson takes them away, with their sessions and tokens.
func (s *Service) DeletePerson(ctx context.Context, by inventory.Actor, id string) error {
	return s.store.InTx(ctx, func(q *query.Queries) error {
		p, err := find(ctx, q, by.Account, id)
		if err != nil {
			return err
		}
		if err := q.DeletePerson(ctx, query.DeletePersonParams{AccountID: by.Account, ID: id}); err != nil {
			return fmt.Errorf("deleting a person: %w", err)
		}
		if err := ownerLeft(ctx, q, by.Account); err != nil {
			return err
		}
		return s.audit(ctx, q, by, "person.delete", id, person(p), nil)
	})
}

// NewCode gives a person who has lost their password a code.
func (s *Service) NewCode(ctx context.Context, by inventory.Actor, id string) (who Person, code string, err error) {
	err = s.store.InTx(ctx, func(q *query.Queries) error {
		p, err := find(ctx, q, by.Account, id)
		if err != nil {
			return err
		}
		who = person(p)
		if code, err = s.newCode(ctx, q, id, CodeLife); err != nil {
			return err
		}
		return s.audit(ctx, q, by, "person.code", id, nil, nil)
	})
	return who, code, err
}

// Recover is for whoever has the manager's machine: a code for an owner by
// name, who may log in again whatever had been done to them. Their passkeys and
// providers are good no more.
func (s *Service) Recover(ctx context.Context, name string) (code string, err error) {
	err = s.store.InTx(ctx, func(q *query.Queries) error {
		p, err := q.PersonByName(ctx, name)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return &inventory.Refusal{Kind: inventory.Absent, Field: "name", Message: fmt.Sprintf("there is no person %q", name)}
		case err != nil:
			return fmt.Errorf("looking for a person: %w", err)
		}
		before := person(p)
		p.Role, p.Disabled = string(Owner), false
		if err := q.SetPerson(ctx, query.SetPersonParams{AccountID: p.AccountID, ID: p.ID, Role: p.Role}); err != nil {
			return fmt.Errorf("recovering a person: %w", err)
		}
		// What somebody else may have added to get in.
		if err := errors.Join(q.DeletePasskeys(ctx, p.ID), unlink(ctx, q, p.AccountID, p.ID)); err != nil {
			return fmt.Errorf("recovering a person: %w", err)
		}
		if code, err = s.newCode(ctx, q, p.ID, CodeLife); err != nil {
			return err
		}
		by := inventory.Actor{Account: p.AccountID, ID: "system"}
		return s.audit(ctx, q, by, "person.recover", p.ID, before, person(p))
	})
	return code, err
}

var errCode = &inventory.Refusal{Kind: Unauthenticated, Field: "code", Message: "the code is wrong, used or too old",
	Remedy: "an owner makes a new one: releve user code NAME; on the manager's machine: releve-manager admin recover NAME"}

// Redeem sets a password by a code, once, and begins a session.
func (s *Service) Redeem(ctx context.Context, code, password, from, request string) (string, *Who, error) {
	if err := s.limit.allow("address:" + from); err != nil {
		return "", nil, err
	}
	if !whole(codeKind, code) {
		return "", nil, errCode
	}
	if err := checkPassword(password); err != nil {
		return "", nil, err
	}
	if _, err := s.ofCode(ctx, s.store.Read(), code); err != nil {
		return "", nil, err
	}
	hash, err := s.hash.Make(ctx, password)
	if err != nil {
		return "", nil, fmt.Errorf("hashing a password: %w", err)
	}
	var p query.Person
	err = s.store.InTx(ctx, func(q *query.Queries) (err error) {
		if p, err = s.ofCode(ctx, q, code); err != nil {
			return err
		}
		if err := s.renew(ctx, q, p.ID, hash); err != nil {
			return err
		}
		return s.audit(ctx, q, who(p).Actor(request), "password.set", p.ID, nil, nil)
	})
	if err != nil {
		return "", nil, err
	}
	return s.begin(ctx, p, s.now(), from, request)
}

func (s *Service) ofCode(ctx context.Context, q *query.Queries, code string) (query.Person, error) {
	p, err := q.PersonOfCode(ctx, query.PersonOfCodeParams{Hash: hashSecret(code), Now: s.millis()})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return p, errCode
	case err != nil:
		return p, fmt.Errorf("looking for a code: %w", err)
	case p.Disabled:
		return p, errCode
	}
	return p, nil
}
