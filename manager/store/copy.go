package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/database"
)

// Copied says how many rows of a table were copied.
type Copied struct {
	Table string
	Rows  int64
}

// Copy copies all of a SQLite database, as it is at one moment, into a new
// PostgreSQL database, all or nothing.
func Copy(ctx context.Context, from, to *Store) ([]Copied, error) {
	if from.dialect != database.DialectSQLite3 || to.dialect != database.DialectPostgres {
		return nil, errors.New("copying a database: only from SQLite to PostgreSQL\nhint: between two of a kind: backup and restore, or pg_dump")
	}
	source, err := from.read.BeginTx(ctx, from.viewing())
	if err != nil {
		return nil, fmt.Errorf("copying from SQLite: %w", err)
	}
	copied, err := copyAll(ctx, source, to)
	return copied, rolledBack(source, err)
}

func copyAll(ctx context.Context, source *sql.Tx, to *Store) ([]Copied, error) {
	names, err := tables(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("copying from SQLite: %w", err)
	}
	conn, err := to.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("copying to PostgreSQL: %w", err)
	}
	var copied []Copied
	err = conn.Raw(func(driver any) error {
		pg := driver.(*stdlib.Conn).Conn()
		return pgx.BeginFunc(ctx, pg, func(tx pgx.Tx) error {
			for _, name := range names {
				n, err := copyTable(ctx, source, tx, name)
				if err != nil {
					return fmt.Errorf("copying table %s: %w", name, err)
				}
				copied = append(copied, Copied{name, n})
			}
			// Without figures of what is in it, PostgreSQL sorts all events for a page
			// of them, until its autovacuum comes by.
			_, err := tx.Exec(ctx, "ANALYZE")
			return err
		})
	})
	if err := errors.Join(err, conn.Close()); err != nil {
		return nil, err
	}
	return copied, nil
}

func copyTable(ctx context.Context, source *sql.Tx, to pgx.Tx, name string) (int64, error) {
	var full bool
	if err := to.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+quoted(name)+")").Scan(&full); err != nil {
		return 0, err
	}
	if full {
		return 0, errors.New("it has rows already\nhint: copy into a new database")
	}
	rows, err := source.QueryContext(ctx, "SELECT * FROM "+quoted(name))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	columns := make([]string, len(types))
	for i, t := range types {
		columns[i] = t.Name()
	}
	n, err := to.CopyFrom(ctx, pgx.Identifier{name}, columns, pgx.CopyFromFunc(func() ([]any, error) { return nextRow(rows, types) }))
	return n, errors.Join(err, rows.Err())
}

// nextRow is the next one's values, or nil at the end.
func nextRow(rows *sql.Rows, types []*sql.ColumnType) ([]any, error) {
	if !rows.Next() {
		return nil, rows.Err()
	}
	values := make([]any, len(types))
	at := make([]any, len(types))
	for i := range values {
		at[i] = &values[i]
	}
	if err := rows.Scan(at...); err != nil {
		return nil, err
	}
	for i, t := range types {
		if n, is := values[i].(int64); is && t.DatabaseTypeName() == "BOOLEAN" { // SQLite keeps them as numbers
			values[i] = n != 0
		}
	}
	return values, nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
