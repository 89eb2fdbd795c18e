package main

import (
	"context"
	"database/sql"
	"net"
	"strings"
	"testing"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/manager/bus/postgres"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// What a person changes at one manager reaches the vSocket at another at once, and
// a serial number that is void there is cut off there, even right after the
// connection that carries it was killed (E9).
func TestSeveralManagers(t *testing.T) {
	url := storetest.Postgres(t)
	a, b := pair(t, url)
	by := a.account("ours")
	paris := a.paris(by)
	primary := a.enrolled(by, paris.Primary.Serial).at(b, "vm1")
	until(t, "its version is known", func() bool {
		s, err := a.inventory.Site(t.Context(), by, paris.ID)
		return err == nil && s.Primary.Version == site.Release
	})
	paris = a.second(by, paris.ID)
	took := until(t, "the change is at the other manager's vSocket", func() bool { return primary.State().Delivered == paris.Generation })
	t.Logf("delivered after %s", took)
	secondary := b.enrolled(by, paris.Secondary.Serial).at(b, "vm2")

	if n := killListeners(t, url); n != 2 {
		t.Fatalf("%d connections listened", n)
	}
	cut, err := a.inventory.Unassign(t.Context(), by, paris.ID, inventory.Change{IfMatch: paris.Generation})
	fine(t, err)
	until(t, "cut off, though nobody listened", func() bool { return secondary.State().Refused == contract.Refusal_VOID })
	paris = a.second(by, cut.ID)
	secondary = b.enrolled(by, paris.Secondary.Serial).at(b, "vm3")
	_, err = a.inventory.Unassign(t.Context(), by, paris.ID, inventory.Change{IfMatch: paris.Generation})
	fine(t, err)
	took = until(t, "cut off", func() bool { return !secondary.State().Connected })
	t.Logf("cut off after %s", took)
	until(t, "refused", func() bool { return secondary.State().Refused == contract.Refusal_VOID })
}

func killListeners(t *testing.T, url string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	fine(t, err)
	defer db.Close()
	const text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"
	fine(t, db.QueryRowContext(t.Context(), text, postgres.Application).Scan(&n))
	return n
}

// A manager with a certificate authority of its own can't join others.
func TestAnotherAuthority(t *testing.T) {
	url := storetest.Postgres(t)
	serve(t, url, "")
	open := func(anew bool) error {
		u := &upping{options: &options{data: t.TempDir(), database: url}, newAuthority: anew}
		m, err := u.open(context.Background(), &net.TCPAddr{}, quiet)
		if err != nil {
			return err
		}
		return m.close()
	}
	if err := open(false); err == nil || !strings.Contains(err.Error(), "another certificate authority") {
		t.Errorf("got %v", err)
	}
	fine(t, open(true))
}
