package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"releve.dev/releve/manager/store/query"
)

// idLength is of a UUID in text.
const idLength = 36

// Names finds how people call what the audit log has ids of: actors ("user:ID",
// "token:ID") and targets, which are ids alone. Who or what is gone has none.
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
	kind, id, of := strings.Cut(text, ":")
	if !of {
		kind, id = "", text
	}
	if len(id) != idLength {
		return "", nil
	}
	looks := []func() (string, error){
		func() (string, error) {
			return q.NameOfPerson(ctx, query.NameOfPersonParams{AccountID: account, ID: id})
		},
		func() (string, error) {
			t, err := q.NameOfToken(ctx, query.NameOfTokenParams{AccountID: account, ID: id})
			if err != nil || kind == "" {
				return t.Token, err
			}
			return t.Person + "'s " + t.Token, nil
		},
		func() (string, error) {
			return q.NameOfSite(ctx, query.NameOfSiteParams{AccountID: account, ID: id})
		},
	}
	switch kind {
	case "user":
		looks = looks[:1]
	case "token":
		looks = looks[1:2]
	}
	for _, look := range looks {
		name, err := look()
		if !errors.Is(err, sql.ErrNoRows) {
			return name, err
		}
	}
	return "", nil
}
