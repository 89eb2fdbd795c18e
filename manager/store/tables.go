package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// versions is goose's own table.
const versions = "goose_db_version"

// asking is a connection or a transaction.
type asking interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// tables are all of a SQLite database but goose's, each after those that it
// refers to.
func tables(ctx context.Context, db asking) ([]string, error) {
	refers := map[string][]string{}
	names, err := texts(ctx, db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == versions })
	for _, name := range names {
		if refers[name], err = texts(ctx, db, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?)", name); err != nil {
			return nil, err
		}
	}
	var order []string
	for len(order) < len(names) {
		next := slices.IndexFunc(names, func(n string) bool {
			return !slices.Contains(order, n) &&
				!slices.ContainsFunc(refers[n], func(to string) bool { return to != n && !slices.Contains(order, to) })
		})
		if next < 0 {
			return nil, fmt.Errorf("the tables refer to each other in a ring: %s", strings.Join(names, ", "))
		}
		order = append(order, names[next])
	}
	return order, nil
}

// texts is the one column of an answer.
func texts(ctx context.Context, db asking, question string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, question, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
