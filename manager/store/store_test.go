package store

import (
	"path/filepath"
	"testing"

	"releve.dev/releve/manager/store/query"
)

// A new file becomes a database, and an old one is opened as it is.
func TestOpenTwice(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "a b?.db")
	for i := range 2 {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			err := s.InTx(t.Context(), func(q *query.Queries) error {
				return q.InsertAccount(t.Context(), query.InsertAccountParams{ID: "1", Name: "first"})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if all, err := s.Read().Accounts(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%v, %v", all, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
