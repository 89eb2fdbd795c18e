package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"releve.dev/releve/manager/store/query"
)

// idLength is of a UUID in text.
const idLength = 36

// Names finds how people call what the audit log has ids of: actors ("user:ID",
// "token:ID") and targets, which are ids alone. Who or what is gone has the name
// under which the log says that it was made.
func (s *Service) Names(ctx context.Context, account string, ids []string) (map[string]string, error) {
	names := map[string]string{}
	err := s.store.View(ctx, func(q *query.Queries) error {
		for _, id := range ids {
			if _, known := names[id]; known {
				continue
			}
			name, err := nameOf(ctx, q, account, id)
			if err != nil {
				return fmt.Errorf("looking for the name of %q: %w", id, err)
			}
			names[id] = name
		}
		return nil
	})
	return names, err
}

func nameOf(ctx context.Context, q *query.Queries, account, text string) (string, error) {
	id := text[strings.Index(text, ":")+1:]
	if len(id) != idLength {
		return "", nil
	}
	for _, look := range []func(context.Context, *query.Queries, string, string) (string, error){nameOfPerson, nameOfToken, nameOfSite, nameAtFirst} {
		name, err := look(ctx, q, account, id)
		if !errors.Is(err, sql.ErrNoRows) {
			return name, err
		}
	}
	return "", nil
}

func nameOfPerson(ctx context.Context, q *query.Queries, account, id string) (string, error) {
	return q.NameOfPerson(ctx, query.NameOfPersonParams{AccountID: account, ID: id})
}

// nameOfToken is whose it is, too: many are called the same.
func nameOfToken(ctx context.Context, q *query.Queries, account, id string) (string, error) {
	t, err := q.NameOfToken(ctx, query.NameOfTokenParams{AccountID: account, ID: id})
	return possessive(t.Person, t.Token), err
}

func nameOfSite(ctx context.Context, q *query.Queries, account, id string) (string, error) {
	return q.NameOfSite(ctx, query.NameOfSiteParams{AccountID: account, ID: id})
}

// nameAtFirst is of what is gone.
func nameAtFirst(ctx context.Context, q *query.Queries, account, id string) (string, error) {
	row, err := q.MakingOf(ctx, query.MakingOfParams{AccountID: account, Target: id})
	if err != nil {
		return "", err
	}
	var made struct {
		Name   string   `json:"name"`
		Scopes []string `json:"scopes"` // tokens alone have them
	}
	if err := json.Unmarshal([]byte(row.After), &made); err != nil {
		return "", fmt.Errorf("the row of its making: %w", err)
	}
	if made.Scopes == nil || !strings.HasPrefix(row.Actor, "user:") { // a token's token's token … has no end
		return made.Name, nil
	}
	maker, err := nameOf(ctx, q, account, row.Actor)
	return possessive(maker, made.Name), err
}

func possessive(owner, thing string) string {
	if owner == "" {
		return thing
	}
	return owner + "'s " + thing
}
