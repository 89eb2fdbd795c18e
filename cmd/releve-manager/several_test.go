package main

import (
	"context"
	"database/sql"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/manager/bus/postgres"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
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
	shortly(t, "delivered", took)
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
	shortly(t, "cut off", took)
	until(t, "refused", func() bool { return secondary.State().Refused == contract.Refusal_VOID })
}

// The same over NATS.
func TestSeveralManagersOverNATS(t *testing.T) {
	messages, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	fine(t, err)
	messages.Start()
	t.Cleanup(func() { messages.Shutdown(); messages.WaitForShutdown() })
	if !messages.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS doesn't start")
	}
	url := storetest.Postgres(t)
	a, b := pair(t, url, func(u *upping) { u.nats = messages.ClientURL() })
	if n := killListeners(t, url); n != 0 {
		t.Errorf("%d listen to PostgreSQL", n)
	}
	by := a.account("ours")
	paris := a.paris(by)
	primary := a.enrolled(by, paris.Primary.Serial).at(b, "vm1")
	until(t, "its version is known", func() bool {
		s, err := a.inventory.Site(t.Context(), by, paris.ID)
		return err == nil && s.Primary.Version == site.Release
	})
	paris = a.second(by, paris.ID)
	took := until(t, "the change is at the other manager's vSocket", func() bool { return primary.State().Delivered == paris.Generation })
	shortly(t, "delivered", took)
	secondary := b.enrolled(by, paris.Secondary.Serial).at(b, "vm2")
	_, err = a.inventory.Unassign(t.Context(), by, paris.ID, inventory.Change{IfMatch: paris.Generation})
	fine(t, err)
	took = until(t, "cut off", func() bool { return !secondary.State().Connected })
	shortly(t, "cut off", took)
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
		u := &upping{options: &options{data: t.TempDir(), database: url}, newAuthority: anew, keepEvents: least}
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

// A site whose vSockets are connected to two managers has one status at both; who
// watches it at one is told of what reaches the other; and since when it is so
// outlives both.
func TestStatusOfSeveralManagers(t *testing.T) {
	url := storetest.Postgres(t)
	a, b := pair(t, url)
	by := a.account("ours")
	paris := a.paris(by)
	primary := a.enrolled(by, paris.Primary.Serial).at(a, "vm1")
	until(t, "its version is known", func() bool {
		s, err := a.inventory.Site(t.Context(), by, paris.ID)
		return err == nil && s.Primary.Version == site.Release
	})
	paris = a.second(by, paris.ID)
	secondary := a.enrolled(by, paris.Secondary.Serial).at(b, "vm2")
	primary.says(t, site.Primary, func(s *site.Status) { s.Role, s.Master, s.Term = site.Active, true, 1 })
	secondary.says(t, site.Secondary, func(*site.Status) {})
	ready := func(m *served) bool {
		s := m.status(by, paris.ID)
		return s.HA != nil && s.HA.Ready && s.Master == status.IsPrimary
	}
	until(t, "both say Ready", func() bool { return ready(a) && ready(b) })
	if x, y := a.status(by, paris.ID), b.status(by, paris.ID); !reflect.DeepEqual(x, y) {
		t.Errorf("%+v\n%+v", x, y)
	}

	changes, stop := a.presence.Watch(paris.ID)
	defer stop()
	secondary.says(t, site.Secondary, func(s *site.Status) {
		s.HA.Indicators[0] = site.Indicator{Name: status.Keepalive, Reason: "nothing heard"}
	})
	took := until(t, "told at the other manager", func() bool {
		select {
		case <-changes:
		default:
			return false
		}
		s := a.status(by, paris.ID)
		return s.HA != nil && !s.HA.Ready
	})
	shortly(t, "told", took)
	secondary.says(t, site.Secondary, func(*site.Status) {})
	until(t, "Ready again", func() bool { return ready(a) })
	before := a.status(by, paris.ID)
	a.stop()
	b.stop()
	c := serve(t, url, a.data)
	if after := c.status(by, paris.ID); !reflect.DeepEqual(after, before) {
		t.Errorf("before the restart: %+v\nafter: %+v", before, after)
	}
	for _, k := range []site.Serial{paris.Primary.Serial, paris.Secondary.Serial} {
		series, err := c.history.Series(t.Context(), by.Account, k, 5*time.Minute, time.Now().Add(-time.Hour), time.Now())
		if err != nil || len(series) == 0 || series[0].Connected == 0 {
			t.Errorf("figures of %s: %+v, %v", k, series, err)
		}
	}
}

// shortly: a wake-up did it, and not the next sweep or look.
func shortly(t *testing.T, what string, took time.Duration) {
	t.Helper()
	if took > 10*time.Second {
		t.Errorf("%s after %s", what, took)
	}
	t.Logf("%s after %s", what, took.Round(time.Millisecond))
}
