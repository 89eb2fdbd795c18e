package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// connections of one manager; PostgreSQL has 100 as it is installed.
const connections = 20

// shown is an address of a database as it may be told: without a password.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://…"
	}
	return u.Redacted()
}

func openPostgres(address string) (*Store, error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", shown(address), err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &Store{write: db, read: db, dialect: database.DialectPostgres, turn: make(chan struct{}, 1)}, nil
}

// changing is how a transaction that changes something is isolated: as if it
// were alone. SQLite knows nothing else.
func (s *Store) changing() *sql.TxOptions {
	if s.dialect == database.DialectPostgres {
		return &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	return nil
}

// viewing is how one that only reads is.
func (s *Store) viewing() *sql.TxOptions {
	if s.dialect == database.DialectPostgres {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return nil
}

// again reports whether PostgreSQL asks for a transaction to be repeated:
// serialization_failure and deadlock_detected (appendix A of its manual).
func (s *Store) again(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// migrating makes managers that start together migrate one after the other: the
// lock is PostgreSQL's, and ends with the session.
func (s *Store) migrating() ([]goose.ProviderOption, error) {
	if s.dialect != database.DialectPostgres {
		return nil, nil
	}
	const every, most = 1, 300 // seconds, tries
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(every, most))
	if err != nil {
		return nil, fmt.Errorf("preparing the lock of migrations: %w", err)
	}
	return []goose.ProviderOption{goose.WithSessionLocker(locker)}, nil
}
