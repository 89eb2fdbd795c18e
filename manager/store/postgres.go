package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/pressly/goose/v3/database"
)

func openPostgres(url string) (*Store, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", url, err)
	}
	return &Store{write: db, read: db, dialect: database.DialectPostgres}, nil
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
