package store

import (
	"context"
	"errors"
	"strings"

	"releve.dev/releve/manager/store/query"
)

// insertEventsSQLite prepares the statement once: in the process a row costs less
// than reading the statement.
func insertEventsSQLite(ctx context.Context, db query.DBTX, rows []query.Event) (fresh []query.Event, err error) {
	places := strings.Repeat(", ?", len(EventColumns))[2:]
	insert, err := db.PrepareContext(ctx, insertEvents()+"VALUES ("+places+") ON CONFLICT DO NOTHING")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for i := range rows {
		result, err := insert.ExecContext(ctx, eventValues(&rows[i])...)
		if err != nil {
			return nil, err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return nil, err
		}
		if n > 0 {
			fresh = append(fresh, rows[i])
		}
	}
	return fresh, nil
}
