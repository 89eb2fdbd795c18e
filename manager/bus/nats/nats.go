// Package nats carries wake-ups over a NATS that runs already, as core messages:
// they are lost rather than kept, which a bus makes good. It is for more managers,
// or more changes, than PostgreSQL's NOTIFY is good for.
//
// Others may use the same NATS. A message is sealed with a key that only the
// managers of one database have: what isn't theirs is passed over, so nobody else
// can have a vSocket cut off.
package nats

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"releve.dev/releve/manager/bus"
)

// Config is what a Carrier works with.
type Config struct {
	URL         string // nats://…, tls://…, or several with commas between
	Credentials string // a file with a user's JWT and key; "": none
	Topic       string // the managers' own
	Key         []byte // seals messages
	Log         *slog.Logger
}

const (
	most    = 64 << 10         // of the megabyte that NATS takes
	patient = 5 * time.Second  // to connect, or for an answer
	alive   = 10 * time.Second // between signs of life; two that are missing are the end
)

// Carrier is one.
type Carrier struct {
	c Config

	mu   sync.Mutex
	conn *nats.Conn // nil: there is none now
}

var _ bus.Carrier = (*Carrier)(nil)

// New connects when it is listened to.
func New(c Config) *Carrier { return &Carrier{c: c} }

// Most leaves room for the seal.
func (c *Carrier) Most() int { return most - sha256.Size }

var errNone = errors.New("nats: not connected")

// Send returns once NATS has it.
func (c *Carrier) Send(ctx context.Context, message []byte) error {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return errNone
	}
	if err := conn.Publish(c.c.Topic, append(c.seal(message), message...)); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	if err := conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	return nil
}

func (c *Carrier) seal(message []byte) []byte {
	h := hmac.New(sha256.New, c.c.Key)
	h.Write(message)
	return h.Sum(nil)
}

// opened is the message, if it is the managers' own.
func (c *Carrier) opened(sealed []byte) ([]byte, bool) {
	if len(sealed) < sha256.Size || len(sealed) > most {
		return nil, false
	}
	message := sealed[sha256.Size:]
	return message, hmac.Equal(sealed[:sha256.Size], c.seal(message))
}

// Receive listens until the connection is lost, or NATS has thrown messages away
// because they weren't taken fast enough.
func (c *Carrier) Receive(ctx context.Context, ready func(), take func([]byte)) error {
	lost := make(chan error, 1)
	conn, err := c.connect(lost)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	defer conn.Close()
	foreign := sync.OnceFunc(func() { c.c.Log.Warn("somebody else speaks on the managers' topic", slog.String("topic", c.c.Topic)) })
	_, err = conn.Subscribe(c.c.Topic, func(m *nats.Msg) {
		if message, ours := c.opened(m.Data); ours {
			take(message)
		} else {
			foreign()
		}
	})
	if err == nil {
		err = conn.FlushTimeout(patient)
	}
	if err != nil {
		return fmt.Errorf("nats: listening to %s: %w", c.c.Topic, err)
	}
	c.set(conn)
	defer c.set(nil)
	ready()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-lost:
		return fmt.Errorf("nats: %w", err)
	}
}

func (c *Carrier) set(conn *nats.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
}

// connect: one connection after the other is the bus's business, which sweeps in
// between.
func (c *Carrier) connect(lost chan<- error) (*nats.Conn, error) {
	end := func(err error) {
		if err == nil {
			err = errNone
		}
		select {
		case lost <- err:
		default:
		}
	}
	options := []nats.Option{
		nats.Name("releve-manager"), nats.NoReconnect(), nats.Timeout(patient), nats.PingInterval(alive), nats.MaxPingsOutstanding(2),
		nats.ClosedHandler(func(conn *nats.Conn) { end(conn.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { end(err) }),
	}
	if c.c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.c.Credentials))
	}
	return nats.Connect(c.c.URL, options...)
}
