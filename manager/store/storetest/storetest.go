// Package storetest runs a test on both kinds of database: SQLite in a file,
// and Debian's PostgreSQL, which it starts once for a test binary, on a Unix
// socket alone, in a folder that goes when the tests are done. A binary that
// uses it says so in its TestMain:
//
//	func TestMain(m *testing.M) { storetest.Main(m) }
package storetest

import (
	"path/filepath"
	"testing"

	"releve.dev/releve/manager/store"
)

// Each runs test as a subtest for each kind, on a new database.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for _, kind := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", SQLite}, {"postgres", Postgres}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, kind.url(t)))
		})
	}
}

// Open opens a database until the test ends.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// SQLite is the address of a new database in a file.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "releve.db")
}
