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

// Token is what a program shows instead of a password. It may do what its
// scopes name and its person's role allows.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scopes  []Action   `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty"` // the last time, to the minute
}

func token(t query.Token) Token {
	made := Token{ID: t.ID, Name: t.Name, Scopes: scopes(t.Scopes), Created: time.UnixMilli(t.CreatedAt).UTC(),
		Expires: time.UnixMilli(t.ExpiresAt).UTC()}
	if t.UsedAt != 0 {
		used := time.UnixMilli(t.UsedAt).UTC()
		made.Used = &used
	}
	return made
}

func scopes(text string) []Action {
	all := []Action{}
	for _, one := range strings.Fields(text) {
		all = append(all, Action(one))
	}
	return all
}

// NewToken makes one and returns its secret. life 0 is TokenLife. A token can't
// make another that may do more than itself.
func (s *Service) NewToken(ctx context.Context, w *Who, name string, want []Action, life time.Duration, request string) (Token, string, error) {
	if life == 0 {
		life = TokenLife
	}
	if err := checkToken(w, name, want, life); err != nil {
		return Token{}, "", err
	}
	var words []string
	for _, a := range want {
		words = append(words, string(a))
	}
	secret, now := newSecret(tokenKind), s.now()
	row := query.InsertTokenParams{ID: newID(), AccountID: w.Account, PersonID: w.Person, Name: name, Hash: hashSecret(secret),
		Scopes: strings.Join(words, " "), CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(life).UnixMilli()}
	made := token(query.Token(row))
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		if err := q.InsertToken(ctx, row); err != nil {
			return fmt.Errorf("making a token: %w", err)
		}
		return s.audit(ctx, q, w.Actor(request), "token.make", row.ID, nil, made)
	})
	return made, secret, err
}

func checkToken(w *Who, name string, want []Action, life time.Duration) error {
	refuse := func(field, message, remedy string) error {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: field, Message: message, Remedy: remedy}
	}
	if name == "" || len(name) > 100 {
		return refuse("name", "a token needs a name of 100 characters at most", "name it for the program that has it")
	}
	if len(want) == 0 {
		return refuse("scopes", "a token needs scopes", "name the actions it may do: "+join(Allowed(w.Role)))
	}
	for _, a := range want {
		if !w.May(a) {
			return refuse("scopes", fmt.Sprintf("you may not do %q yourself", a), "you may do: "+join(Allowed(w.Role)))
		}
	}
	if life < time.Minute || life > TokenLongest {
		return refuse("days", "a token lives a minute at least and 366 days at most", "")
	}
	return nil
}

func join(actions []Action) string {
	var words []string
	for _, a := range actions {
		words = append(words, string(a))
	}
	return strings.Join(words, ", ")
}

// ByToken tells whose token it is.
func (s *Service) ByToken(ctx context.Context, secret string) (*Who, error) {
	if !whole(tokenKind, secret) {
		return nil, errUnauthenticated
	}
	row, err := s.store.Read().PersonOfToken(ctx, hashSecret(secret))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errUnauthenticated
	case err != nil:
		return nil, fmt.Errorf("looking for a token: %w", err)
	}
	now := s.now()
	if row.Person.Disabled || now.UnixMilli() >= row.Token.ExpiresAt {
		return nil, errUnauthenticated
	}
	if now.Sub(time.UnixMilli(row.Token.UsedAt)) >= noteEach {
		err := s.store.InTx(ctx, func(q *query.Queries) error {
			return q.UseToken(ctx, query.UseTokenParams{ID: row.Token.ID, UsedAt: now.UnixMilli()})
		})
		if err != nil {
			return nil, fmt.Errorf("noting a token: %w", err)
		}
	}
	w := who(row.Person)
	w.Token, w.Scopes = row.Token.ID, scopes(row.Token.Scopes)
	return w, nil
}

// Tokens lists one's own.
func (s *Service) Tokens(ctx context.Context, w *Who) ([]Token, error) {
	rows, err := s.store.Read().Tokens(ctx, query.TokensParams{AccountID: w.Account, PersonID: w.Person})
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	all := make([]Token, 0, len(rows))
	for _, r := range rows {
		all = append(all, token(r))
	}
	return all, nil
}

// RevokeToken ends one of one's own at once.
func (s *Service) RevokeToken(ctx context.Context, w *Who, id, request string) error {
	return s.store.InTx(ctx, func(q *query.Queries) error {
		t, err := q.Token(ctx, query.TokenParams{AccountID: w.Account, PersonID: w.Person, ID: id})
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return &inventory.Refusal{Kind: inventory.Absent, Message: fmt.Sprintf("you have no token %q", id),
				Remedy: "releve token list shows yours"}
		case err != nil:
			return fmt.Errorf("looking for a token: %w", err)
		}
		if err := q.DeleteToken(ctx, query.DeleteTokenParams{AccountID: w.Account, PersonID: w.Person, ID: id}); err != nil {
			return fmt.Errorf("revoking a token: %w", err)
		}
		return s.audit(ctx, q, w.Actor(request), "token.revoke", id, token(t), nil)
	})
}
