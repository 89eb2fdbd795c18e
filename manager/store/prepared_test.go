package store

import (
	"fmt"
	"path/filepath"
	"testing"

	"releve.dev/releve/manager/store/query"
)

// A statement is prepared once, also one that is met first within a transaction,
// which has the only connection that writes; and there is an end to how many.
func TestStatementsAreKept(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		if err := s.InTx(t.Context(), func(q *query.Queries) error {
			for range 2 {
				if _, err := q.BeatManager(t.Context(), query.BeatManagerParams{ID: "m", BeatAt: 1}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n := len(s.toWrite.all); n != 1 {
			t.Errorf("%d statements are kept, want 1", n)
		}
	}
	for i := range mostStatements + 10 {
		n := 0
		if err := s.reading().QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d", i)).Scan(&n); err != nil || n != i {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if n := len(s.toRead.all); n != mostStatements {
		t.Errorf("%d statements are kept, want %d", n, mostStatements)
	}
	if _, err := s.reading().QueryContext(t.Context(), "SELECT nonsense"); err == nil {
		t.Error("nonsense is answered")
	}
}
