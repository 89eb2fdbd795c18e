// Package postgres carries wake-ups by PostgreSQL's LISTEN and NOTIFY: managers
// that share a database need nothing else. A connection of its own listens; a
// pooler that shares connections out by the transaction (PgBouncer) has to be
// passed by.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"releve.dev/releve/manager/bus"
	"releve.dev/releve/manager/store"
)

// topic is what is listened to. It is the database's own: other databases of one
// server hear nothing of it.
const topic = "releve_wake"

const (
	most    = 7999             // a payload is less than 8000 bytes long (PostgreSQL's manual, NOTIFY)
	quiet   = 15 * time.Second // without a message, the connection is tried
	patient = 5 * time.Second  // an answer takes no longer
)

// Application is how the listening connection is called in pg_stat_activity.
const Application = "releve-manager wake-ups"

// Carrier is one.
type Carrier struct {
	url string
	db  *store.Store
}

var _ bus.Carrier = (*Carrier)(nil)

// New listens at a database's address, and sends over the open database.
func New(url string, db *store.Store) *Carrier { return &Carrier{url, db} }

// Most is PostgreSQL's.
func (c *Carrier) Most() int { return most }

// Send returns once PostgreSQL has it.
func (c *Carrier) Send(ctx context.Context, message []byte) error {
	if _, err := c.db.Read().DB().ExecContext(ctx, "SELECT pg_notify($1, $2)", topic, string(message)); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// Receive listens until the connection is lost.
func (c *Carrier) Receive(ctx context.Context, ready func(), take func([]byte)) error {
	conn, err := c.listen(ctx)
	if err != nil {
		return fmt.Errorf("listening for wake-ups: %w", err)
	}
	ready()
	err = hear(ctx, conn, take)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), patient)
	defer cancel()
	_ = conn.Close(closing) // it is lost, or nobody needs it
	return fmt.Errorf("listening for wake-ups: %w", err)
}

func (c *Carrier) listen(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(c.url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = Application
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+topic); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// hear notices a server that is gone without a word.
func hear(ctx context.Context, conn *pgx.Conn, take func([]byte)) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(waiting)
		silent := waiting.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			take([]byte(n.Payload))
		case !silent:
			return err
		default:
			if err := ping(ctx, conn); err != nil {
				return err
			}
		}
	}
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	return conn.Ping(ctx)
}
