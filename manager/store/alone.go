package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/pressly/goose/v3/database"
)

// Alone runs do unless another manager runs the same work now. It is for work that
// is only wasted if it is done twice: a manager that loses its connection to the
// database doesn't hear that it is alone no more.
func (s *Store) Alone(ctx context.Context, work string, do func(context.Context) error) (ran bool, err error) {
	if s.dialect != database.DialectPostgres {
		return true, do(ctx)
	}
	return s.aloneInPostgres(ctx, work, do)
}

// aloneInPostgres holds an advisory lock, which ends with its connection at the
// latest.
func (s *Store) aloneInPostgres(ctx context.Context, work string, do func(context.Context) error) (ran bool, err error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("waiting to do %s alone: %w", work, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	key := lockKey(work)
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&ran); err != nil || !ran {
		return false, err
	}
	err = do(ctx)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, unlock := conn.ExecContext(after, "SELECT pg_advisory_unlock($1)", key); unlock != nil {
		err = errors.Join(err, fmt.Errorf("letting others do %s: %w", work, unlock))
	}
	return true, err
}

// lockKey is a number for a name, as PostgreSQL's locks have.
func lockKey(work string) int64 {
	h := fnv.New64a()
	h.Write([]byte("releve " + work)) // never fails
	return int64(h.Sum64())
}
