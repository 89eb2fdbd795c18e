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
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"releve.dev/releve/manager/pause"
	"releve.dev/releve/manager/store/query"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an open database. Its schema is the one of this program.
type Store struct {
	write, read *sql.DB
	toWrite     *statements // of the two; nil with PostgreSQL
	toRead      *statements
	dialect     database.Dialect
	turn        chan struct{} // of those that repeat a transaction
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
	options, err := s.migrating()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect, s.write, files, options...)
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

// Read is for single queries, outside of a transaction.
func (s *Store) Read() *query.Queries { return query.New(s.reading()) }

// View runs do over one state of the database, which it can't change.
func (s *Store) View(ctx context.Context, do func(q *query.Queries) error) error {
	tx, err := s.read.BeginTx(ctx, s.viewing())
	if err != nil {
		return fmt.Errorf("beginning to read: %w", err)
	}
	q, over := inside(tx, s.toRead)
	defer over(ctx)
	return rolledBack(tx, do(q))
}

// InTx runs do in one transaction, which is kept if do returns nil. PostgreSQL
// may ask for it to be run again, so do has no effects but through q, and no
// memory of an earlier run.
func (s *Store) InTx(ctx context.Context, do func(q *query.Queries) error) error {
	err := s.once(ctx, do)
	if !s.again(err) {
		return err
	}
	// Those that must repeat do it one at a time: together they would be in each
	// other's way again, and some would never get through.
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.repeat(ctx, do)
}

// repeat tries for some seconds, since other managers write too.
func (s *Store) repeat(ctx context.Context, do func(q *query.Queries) error) error {
	const tries, longest = 100, 100 * time.Millisecond
	wait := time.Millisecond
	for i := 1; ; i++ {
		err := s.once(ctx, do)
		if i == tries || !s.again(err) {
			return err
		}
		if err := pause.For(ctx, rand.N(wait)); err != nil {
			return err
		}
		wait = min(2*wait, longest)
	}
}

func (s *Store) once(ctx context.Context, do func(q *query.Queries) error) error {
	tx, err := s.write.BeginTx(ctx, s.changing())
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	q, over := inside(tx, s.toWrite)
	defer over(ctx)
	if err := do(q); err != nil {
		return rolledBack(tx, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// rolledBack ends a transaction that failed with why, or that only read.
func rolledBack(tx *sql.Tx, why error) error {
	err := tx.Rollback()
	if err == nil || errors.Is(err, sql.ErrTxDone) {
		return why
	}
	return errors.Join(why, err)
}
