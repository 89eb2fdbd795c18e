package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// sheets are tables of every kind of column, that refer to each other against
// the order of their names.
const sheets = `CREATE TABLE a_leaf (id TEXT PRIMARY KEY, up TEXT NOT NULL REFERENCES z_root (id), flag BOOLEAN NOT NULL, n BIGINT NOT NULL, note TEXT);
CREATE TABLE z_root (id TEXT PRIMARY KEY, up TEXT REFERENCES z_root (id));`

func raw(t *testing.T, kind, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(kind, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func do(t *testing.T, db *sql.DB, statements string) {
	t.Helper()
	for _, s := range strings.Split(strings.Trim(statements, "; \n"), ";") {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// db copy takes all tables, those of which it knows nothing too, into a new
// database alone.
func TestCopyToPostgres(t *testing.T) {
	lite, pg := storetest.SQLite(t), storetest.Postgres(t)
	from, to := storetest.Open(t, lite), storetest.Open(t, pg)
	put(t, from, "it's \x01 an account")
	here, there := raw(t, "sqlite", "file:"+strings.TrimPrefix(lite, "sqlite:")), raw(t, "pgx", pg)
	do(t, here, sheets)
	parts := strings.Split(sheets, "\n")
	do(t, there, parts[1]+parts[0])
	do(t, here, `INSERT INTO z_root VALUES ('r', 'r'); INSERT INTO a_leaf VALUES ('x', 'r', TRUE, 9223372036854775807, NULL); INSERT INTO a_leaf VALUES ('y', 'r', FALSE, -1, '')`)

	copied, err := store.Copy(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(copied); !strings.Contains(got, "{account 1}") || !strings.Contains(got, "{a_leaf 2}") || strings.Index(got, "z_root") > strings.Index(got, "a_leaf") {
		t.Errorf("copied %s", got)
	}
	if all, err := to.Read().Accounts(t.Context()); err != nil || len(all) != 1 || all[0].ID != "it's \x01 an account" {
		t.Errorf("%v, %v", all, err)
	}
	var rows string
	const leaves = `SELECT string_agg(concat_ws('/', id, up, flag, n, coalesce(note, 'null')), ' ' ORDER BY id) FROM a_leaf`
	if err := there.QueryRowContext(t.Context(), leaves).Scan(&rows); err != nil || rows != "x/r/t/9223372036854775807/null y/r/f/-1/" {
		t.Errorf("%q, %v", rows, err)
	}
	var known float64 // to PostgreSQL's planner; -1: nothing
	if err := there.QueryRowContext(t.Context(), `SELECT reltuples FROM pg_class WHERE relname = 'a_leaf'`).Scan(&known); err != nil || known != 2 {
		t.Errorf("PostgreSQL takes a table for one of %v rows, %v", known, err)
	}
	if _, err := store.Copy(t.Context(), from, to); err == nil || !strings.Contains(err.Error(), "hint: copy into a new database") {
		t.Errorf("a second time: %v", err)
	}
	if _, err := store.Copy(t.Context(), to, from); err == nil {
		t.Error("the wrong way round")
	}
}

// A backup, taken while somebody writes, is a whole database; restored, it is as
// it was, and nobody else can read it.
func TestBackupAndRestore(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	folder := t.TempDir()
	backup, restored := filepath.Join(folder, "backup"), filepath.Join(folder, "restored.db")
	var writer sync.WaitGroup
	started := make(chan struct{})
	writer.Go(func() {
		for i := range 50 {
			put(t, s, fmt.Sprint(i))
			if i == 10 {
				close(started)
			}
		}
	})
	<-started
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Error(err)
	}
	writer.Wait()
	if err := s.Backup(t.Context(), backup); err == nil {
		t.Error("a backup is written over")
	}
	if err := store.Restore(t.Context(), backup, "sqlite:"+restored); err != nil {
		t.Fatal(err)
	}
	if err := store.Restore(t.Context(), backup, "sqlite:"+restored); err == nil {
		t.Error("a database is written over")
	}
	for _, file := range []string{backup, restored} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	again := storetest.Open(t, "sqlite:"+restored)
	if all, err := again.Read().Accounts(t.Context()); err != nil || len(all) < 11 {
		t.Errorf("%d accounts, %v", len(all), err)
	}
	put(t, again, "new")
	if rest, err := filepath.Glob(filepath.Join(folder, ".*")); err != nil || len(rest) != 0 {
		t.Errorf("left over: %v", rest)
	}
}

// What is no backup, or is damaged, becomes no database.
func TestRestoreRefuses(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	for i := range 200 {
		put(t, s, fmt.Sprint(i))
	}
	folder := t.TempDir()
	backup := filepath.Join(folder, "backup")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte{}, whole...)
	copy(damaged[2*4096:], make([]byte, 4*4096))
	for name, text := range map[string][]byte{"empty": {}, "text": []byte("no database at all, but a text"), "cut": whole[:len(whole)/2], "damaged": damaged} {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(folder, name+".db")
		if err := store.Restore(t.Context(), file, "sqlite:"+target); err == nil {
			t.Errorf("%s: restored", name)
		}
		if _, err := os.Stat(target); err == nil {
			t.Errorf("%s: there is a database", name)
		}
	}
	if err := store.Restore(t.Context(), filepath.Join(folder, "none"), "sqlite:"+filepath.Join(folder, "none.db")); err == nil {
		t.Error("a file that isn't there")
	}
}
