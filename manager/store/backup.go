package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3/database"
)

// Backup writes the database, as it is at one moment, into a new file, while the
// manager goes on. The file holds secrets, and is its owner's alone.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.dialect != database.DialectSQLite3 {
		return errors.New("backup: this database is PostgreSQL\nhint: pg_dump backs it up")
	}
	return newFile("backup", file, func(temporary string) error {
		_, err := s.read.ExecContext(ctx, "VACUUM INTO ?", temporary)
		return err
	})
}

// Restore makes a database of a backup. No manager may run on it; there must be
// none there yet, so that nothing is lost by a slip.
func Restore(ctx context.Context, backup, url string) error {
	file, is := strings.CutPrefix(url, "sqlite:")
	if !is {
		return errors.New("restore: only into SQLite\nhint: restore it there, then copy it to PostgreSQL")
	}
	if err := whole(ctx, backup); err != nil {
		return err
	}
	for _, rest := range []string{file + "-wal", file + "-shm"} {
		if _, err := os.Lstat(rest); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("restore: %s is there: it belongs to another database\nhint: stop the manager, and move it away with its database", rest)
		}
	}
	return newFile("restore", file, func(temporary string) error { return copyFile(backup, temporary) })
}

// whole says whether a file is an undamaged database of ours.
func whole(ctx context.Context, file string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+escaped(file)+"?mode=ro&immutable=1")
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer db.Close()
	said, err := texts(ctx, db, "PRAGMA integrity_check")
	if err != nil {
		return fmt.Errorf("restore: %s is no backup: %w", file, err)
	}
	if len(said) != 1 || said[0] != "ok" {
		return fmt.Errorf("restore: %s is damaged: %s", file, strings.Join(said, "; "))
	}
	names, err := texts(ctx, db, "SELECT name FROM sqlite_schema WHERE name = ?", versions)
	if err != nil || len(names) == 0 {
		return errors.Join(fmt.Errorf("restore: %s isn't a manager's database", file), err)
	}
	return nil
}

// newFile makes a file that is there whole, or not at all, even if the power
// fails: written beside, synced, and linked to its name, which must be free.
func newFile(what, file string, write func(temporary string) error) error {
	folder, err := os.MkdirTemp(filepath.Dir(file), ".releve-"+what) // its owner's alone
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer os.RemoveAll(folder)
	temporary := filepath.Join(folder, "new")
	if err := write(temporary); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := os.Chmod(temporary, 0o600); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := synced(temporary); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := os.Link(temporary, file); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %s is there already\nhint: move it away first", what, file)
	} else if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := synced(filepath.Dir(file)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// synced waits until a file or a folder is on the disk.
func synced(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
