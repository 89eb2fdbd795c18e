package store

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"

	"github.com/pressly/goose/v3/database"
	_ "modernc.org/sqlite" // registers the driver "sqlite"; needs no C compiler
)

// readers of a SQLite file at once; there is one writer.
const readers = 8

// cache is how many KiB of the database a connection holds at most. With SQLite's
// own 2 MB, the rows that an event's indexes take are read from the file each time.
const cache = 32 << 10

// mapped is how many bytes of the file are read where the kernel has them: each
// commit empties the caches of all other connections. SQLite maps no more; a
// million events take 1 GB.
const mapped = 1<<31 - 1<<16

// openSQLite makes a commit durable before it returns (synchronous FULL): what
// an administrator was told is saved is saved after a power loss too.
func openSQLite(file string) (*Store, error) {
	open := func(mode string, most int) (*sql.DB, error) {
		v := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "busy_timeout(10000)",
			fmt.Sprintf("cache_size(-%d)", cache), fmt.Sprintf("mmap_size(%d)", mapped)}, "_txlock": {mode}}
		db, err := sql.Open("sqlite", "file:"+escaped(file)+"?"+v.Encode())
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", file, err)
		}
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most) // database/sql keeps two: the others would be opened anew, with nothing in their caches
		return db, nil
	}
	if err := private(file); err != nil {
		return nil, err
	}
	write, err := open("immediate", 1)
	if err != nil {
		return nil, err
	}
	read, err := open("deferred", readers)
	if err != nil {
		return nil, err
	}
	return &Store{write: write, read: read, toWrite: statementsOf(write), toRead: statementsOf(read),
		dialect: database.DialectSQLite3, turn: make(chan struct{}, 1)}, nil
}

// private makes a new database its owner's alone: it holds secrets. What SQLite
// lays beside it is as the database is.
func private(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return f.Close()
}

// escaped is a path as a part of SQLite's file: address.
func escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }
