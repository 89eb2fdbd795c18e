package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// A new database is made, and an old one is opened as it is.
func TestOpenTwice(t *testing.T) {
	for name, url := range map[string]string{"sqlite": storetest.SQLite(t) + " b?.db", "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			put(t, storetest.Open(t, url), "first")
			if all, err := storetest.Open(t, url).Read().Accounts(t.Context()); err != nil || len(all) != 1 {
				t.Errorf("%v, %v", all, err)
			}
		})
	}
}

func put(t *testing.T, s *store.Store, id string) {
	t.Helper()
	err := s.InTx(t.Context(), func(q *query.Queries) error {
		return q.InsertAccount(t.Context(), query.InsertAccountParams{ID: id, Name: id})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Managers that start together on one new PostgreSQL migrate it once.
func TestManagersStartTogether(t *testing.T) {
	url := storetest.Postgres(t)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			s, err := store.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Writers at once leave what they would have left one after the other: each
// names its account by how many it saw. They all see none before the first of
// them writes, so that PostgreSQL has to ask for repetition.
func TestWritersAtOnce(t *testing.T) {
	const writers = 4
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var all, seen sync.WaitGroup
		var runs atomic.Int64
		sqlite := strings.HasSuffix(t.Name(), "/sqlite")
		seen.Add(writers)
		for i := range writers {
			all.Go(func() {
				first := true
				err := s.InTx(t.Context(), func(q *query.Queries) error {
					runs.Add(1)
					there, err := q.Accounts(t.Context())
					if err != nil {
						return err
					}
					if first && !sqlite { // SQLite lets one in at a time
						first = false
						seen.Done()
						seen.Wait()
					}
					return q.InsertAccount(t.Context(), query.InsertAccountParams{ID: fmt.Sprint("id", i), Name: fmt.Sprint(len(there))})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		accounts, err := s.Read().Accounts(t.Context())
		if err != nil || len(accounts) != writers {
			t.Fatalf("%d accounts, %v", len(accounts), err)
		}
		names := map[string]bool{}
		for _, a := range accounts {
			names[a.Name] = true
		}
		for i := range writers {
			if !names[fmt.Sprint(i)] {
				t.Errorf("none saw %d: %v", i, names)
			}
		}
		if !sqlite && runs.Load() == writers {
			t.Error("nothing was repeated: this proves nothing")
		}
	})
}

// A view is of one moment, whatever is committed meanwhile, and changes nothing.
func TestViewIsOfOneMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		put(t, s, "a")
		err := s.View(t.Context(), func(q *query.Queries) error {
			for range 2 {
				if all, err := q.Accounts(t.Context()); err != nil || len(all) != 1 {
					t.Errorf("%d accounts, %v", len(all), err)
				}
				put(t, s, fmt.Sprint("b", rand.Text()))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(t.Context(), func(q *query.Queries) error {
			return q.InsertAccount(t.Context(), query.InsertAccountParams{ID: "c", Name: "c"})
		})
		all, errRead := s.Read().Accounts(t.Context())
		if errRead != nil || len(all) != 3 {
			t.Errorf("%d accounts after writing in a view (%v), %v", len(all), err, errRead)
		}
	})
}

// What fails leaves nothing, and comes back as it is.
func TestFailedTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		why := errors.New("why")
		err := s.InTx(t.Context(), func(q *query.Queries) error {
			if err := q.InsertAccount(t.Context(), query.InsertAccountParams{ID: "1", Name: "1"}); err != nil {
				return err
			}
			return why
		})
		if all, errRead := s.Read().Accounts(t.Context()); !errors.Is(err, why) || errRead != nil || len(all) != 0 {
			t.Errorf("%v; %v, %v", err, all, errRead)
		}
	})
}

func TestUnknownKinds(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "postgres://u:secret@%zz/"} {
		s, err := store.Open(t.Context(), url)
		if err == nil || s != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Two managers on one PostgreSQL, both busy with what conflicts: all get through,
// as if one after the other.
func TestTwoManagersWrite(t *testing.T) {
	url := storetest.Postgres(t)
	managers := []*store.Store{storetest.Open(t, url), storetest.Open(t, url)}
	const writers, each = 3, 6
	var all sync.WaitGroup
	for m, s := range managers {
		for i := range writers {
			all.Go(func() {
				for j := range each {
					err := s.InTx(t.Context(), func(q *query.Queries) error {
						there, err := q.Accounts(t.Context())
						if err != nil {
							return err
						}
						return q.InsertAccount(t.Context(), query.InsertAccountParams{ID: fmt.Sprint(m, i, j), Name: fmt.Sprint(len(there))})
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	names := map[string]bool{}
	accounts, err := managers[0].Read().Accounts(t.Context())
	for _, a := range accounts {
		names[a.Name] = true
	}
	if most := len(managers) * writers * each; err != nil || len(names) != most || !names[fmt.Sprint(most-1)] {
		t.Errorf("%d accounts, %d names, %v", len(accounts), len(names), err)
	}
}
