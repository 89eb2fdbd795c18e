package store

import (
	"context"
	"database/sql"
	"sync"

	"releve.dev/releve/manager/store/query"
)

// mostStatements is more than the package query has, and the shapes of lists that
// are usually asked for. The texts of all others are read each time.
const mostStatements = 400

// statements are kept prepared, once for each of a database's connections: SQLite,
// in the process, takes as long to read a short one as to carry it out. PostgreSQL's
// driver does the same by itself, so there they are nil.
type statements struct {
	db  *sql.DB
	mu  sync.Mutex
	all map[string]*sql.Stmt
}

func statementsOf(db *sql.DB) *statements {
	return &statements{db: db, all: map[string]*sql.Stmt{}}
}

// of finds a statement. It is nil if there is none yet, and full says that there
// won't be.
func (s *statements) of(text string) (found *sql.Stmt, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[text], len(s.all) >= mostStatements
}

// learn prepares a statement. One that can't be prepared is left to fail where it
// is asked for.
func (s *statements) learn(ctx context.Context, text string) *sql.Stmt {
	found, full := s.of(text)
	if found != nil || full {
		return found
	}
	fresh, err := s.db.PrepareContext(ctx, text)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if was := s.all[text]; was != nil {
		_ = fresh.Close() // another was faster
		return was
	}
	s.all[text] = fresh
	return fresh
}

// reading is for single queries.
func (s *Store) reading() query.DBTX {
	if s.toRead == nil {
		return s.read
	}
	return outside{s.read, s.toRead}
}

// inside is for the queries of a transaction. over is called when that has ended.
func inside(tx *sql.Tx, kept *statements) (q *query.Queries, over func(context.Context)) {
	if kept == nil {
		return query.New(tx), func(context.Context) {}
	}
	w := within{tx, kept, map[string]bool{}}
	return query.New(w), w.over
}

// outside is a database with its statements, outside of transactions.
type outside struct {
	*sql.DB
	kept *statements
}

var _ query.DBTX = outside{}

func (o outside) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if s := o.kept.learn(ctx, text); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return o.DB.ExecContext(ctx, text, args...)
}

func (o outside) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s := o.kept.learn(ctx, text); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return o.DB.QueryContext(ctx, text, args...)
}

func (o outside) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if s := o.kept.learn(ctx, text); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return o.DB.QueryRowContext(ctx, text, args...)
}

// within is a transaction with its database's statements. What isn't among them is
// learnt when it is over: it may have the only connection.
type within struct {
	*sql.Tx
	kept   *statements
	wanted map[string]bool
}

var _ query.DBTX = within{}

func (w within) of(ctx context.Context, text string) *sql.Stmt {
	s, full := w.kept.of(text)
	if s != nil {
		return w.Tx.StmtContext(ctx, s)
	}
	if !full {
		w.wanted[text] = true
	}
	return nil
}

// over learns what was asked for.
func (w within) over(ctx context.Context) {
	for text := range w.wanted {
		w.kept.learn(ctx, text)
	}
}

func (w within) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if s := w.of(ctx, text); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return w.Tx.ExecContext(ctx, text, args...)
}

func (w within) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s := w.of(ctx, text); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return w.Tx.QueryContext(ctx, text, args...)
}

func (w within) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if s := w.of(ctx, text); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return w.Tx.QueryRowContext(ctx, text, args...)
}
