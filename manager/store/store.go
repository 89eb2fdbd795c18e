// Package store is the manager's database: SQLite in the process, or PostgreSQL
// where several managers serve together. One schema and one package of queries
// for both; what differs is in one file for each.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"releve.dev/releve/manager/store/query"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open database. Its schema is the one of this program.
type Store struct {
	write, read *sql.DB
	dialect     database.Dialect
}

// Open opens, and creates or migrates, the database at url:
// "sqlite:/path/to/file" or "postgres://…".
func Open(ctx context.Context, url string) (*Store, error) {
	s, err := connect(url)
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(url string) (*Store, error) {
	if file, is := strings.CutPrefix(url, "sqlite:"); is {
		return openSQLite(file)
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return openPostgres(url)
	}
	return nil, fmt.Errorf("database %q: unknown kind\nhint: sqlite:/path/to/file, or postgres://user@host/name", url)
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic("store: " + err.Error())
	}
	provider, err := goose.NewProvider(s.dialect, s.write, files)
	if err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}

// Close ends what is open.
func (s *Store) Close() error {
	if s.read == s.write {
		return s.write.Close()
	}
	return errors.Join(s.write.Close(), s.read.Close())
}

// Read is for queries alone, outside of a transaction.
func (s *Store) Read() *query.Queries { return query.New(s.read) }

// InTx runs do in one transaction, which is kept if do returns nil. PostgreSQL
// may ask for it to be run again, so do has no effects but through q.
func (s *Store) InTx(ctx context.Context, do func(q *query.Queries) error) error {
	const tries = 5
	var err error
	for range tries {
		if err = s.once(ctx, do); !s.again(err) {
			return err
		}
	}
	return err
}

func (s *Store) once(ctx context.Context, do func(q *query.Queries) error) error {
	tx, err := s.write.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation()})
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := do(query.New(tx)); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
