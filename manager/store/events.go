package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3/database"

	"releve.dev/releve/manager/store/query"
)

// EventColumns are the event table's, in its order.
var EventColumns = []string{
	"serial", "boot", "number", "account_id", "site_id", "site_name", "arrival", "kept_at", "at", "since", "kind",
	"slot", "role", "peer_serial", "version", "old_version", "interface", "pop", "reason", "message", "timeline", "words",
}

// eventValues are a row's, in the order of EventColumns.
func eventValues(e *query.Event) []any {
	return []any{
		e.Serial, e.Boot, e.Number, e.AccountID, e.SiteID, e.SiteName, e.Arrival, e.KeptAt, e.At, e.Since, e.Kind,
		e.Slot, e.Role, e.PeerSerial, e.Version, e.OldVersion, e.Interface, e.Pop, e.Reason, e.Message, e.Timeline, e.Words,
	}
}

// eventTargets are where to scan a row to, in the order of EventColumns.
func eventTargets(e *query.Event) []any {
	return []any{
		&e.Serial, &e.Boot, &e.Number, &e.AccountID, &e.SiteID, &e.SiteName, &e.Arrival, &e.KeptAt, &e.At, &e.Since, &e.Kind,
		&e.Slot, &e.Role, &e.PeerSerial, &e.Version, &e.OldVersion, &e.Interface, &e.Pop, &e.Reason, &e.Message, &e.Timeline, &e.Words,
	}
}

// InsertEvents inserts rows within a transaction of InTx, and returns those that
// weren't there yet. What is there already is left as it is.
func (s *Store) InsertEvents(ctx context.Context, q *query.Queries, rows []query.Event) ([]query.Event, error) {
	insert := insertEventsSQLite
	if s.dialect == database.DialectPostgres {
		insert = insertEventsPostgres
	}
	fresh, err := insert(ctx, q.DB(), rows)
	if err != nil {
		return nil, fmt.Errorf("inserting events: %w", err)
	}
	return fresh, nil
}

// EventsBy is the event table, read by one of its indexes. SQLite has no figures of
// what is in it, and takes two bounds of the time for narrower than a site; so it is
// told. PostgreSQL knows.
func (s *Store) EventsBy(index string) string {
	if s.dialect == database.DialectPostgres {
		return "event"
	}
	return "event INDEXED BY " + index
}

// SelectEvents runs a query that selects EventColumns.
func (s *Store) SelectEvents(ctx context.Context, text string, args []any) (events []query.Event, err error) {
	rows, err := s.reading().QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e query.Event
		if err := rows.Scan(eventTargets(&e)...); err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		events = append(events, e)
	}
	return events, rows.Err()
}

// SelectCursor runs a query that selects two numbers of one row, if there is one.
func (s *Store) SelectCursor(ctx context.Context, text string, args []any) (a, b int64, found bool, err error) {
	rows, err := s.reading().QueryContext(ctx, text, args...)
	if err != nil {
		return 0, 0, false, fmt.Errorf("reading events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if found = rows.Next(); found {
		err = rows.Scan(&a, &b)
	}
	return a, b, found, errors.Join(err, rows.Err())
}

func insertEvents() string { return "INSERT INTO event (" + strings.Join(EventColumns, ", ") + ") " }
