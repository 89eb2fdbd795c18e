package restart

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func of(serial string, master bool, c status.Connection) status.Socket {
	return status.Socket{Serial: serial, Master: master, Connection: c}
}

// Only what would cut the traffic off has to be forced.
func TestCuts(t *testing.T) {
	ready, not := &status.HA{Ready: true}, &status.HA{Indicators: []status.Indicator{{Name: "Keepalive", Reason: "nothing heard"}}}
	second := of("B", false, status.Up)
	serving, gone := of("B", true, status.Up), of("B", true, status.Down)
	for name, c := range map[string]struct {
		now    status.Site
		serial site.Serial
		why    string
	}{
		"the master of a pair that is ready":    {status.Site{HA: ready, Primary: of("A", true, status.Up), Secondary: &second}, "A", ""},
		"the standby of one that isn't":         {status.Site{HA: not, Primary: of("A", true, status.Up), Secondary: &second}, "B", ""},
		"its master":                            {status.Site{HA: not, Primary: of("A", true, status.Up), Secondary: &second}, "A", "nothing heard"},
		"the one that the other serves for":     {status.Site{HA: not, Primary: of("A", false, status.Up), Secondary: &serving}, "A", ""},
		"the other served when last heard of":   {status.Site{HA: not, Primary: of("A", false, status.Up), Secondary: &gone}, "A", "nothing heard"},
		"a vSocket alone":                       {status.Site{Primary: of("A", true, status.Up)}, "A", "no other vSocket"},
		"one of two without HA, which serves":   {status.Site{Primary: of("A", true, status.Up), Secondary: &second}, "A", "not set up"},
		"nobody says that he serves, and no HA": {status.Site{Primary: of("A", false, status.Up), Secondary: &second}, "B", "not set up"},
		"not ready, and no indicator says why":  {status.Site{HA: &status.HA{}, Primary: of("A", true, status.Up), Secondary: &second}, "A", "not ready"},
	} {
		why := Cuts(c.now, c.serial)
		if (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %q, want %q", name, why, c.why)
		}
	}
}

// world is a site with a primary whose door answers, and a status that a test sets.
type world struct {
	now    status.Site
	answer int // 0: it isn't connected
	asked  []string
}

func (w *world) Site(context.Context, string, string) (status.Site, error) { return w.now, nil }

func (w *world) Dial(_ context.Context, _ site.Serial, service string) (net.Conn, error) {
	if w.answer == 0 {
		return nil, fleet.ErrAway
	}
	near, far := net.Pipe()
	server := &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.asked = append(w.asked, service+" "+r.Method+" "+r.URL.Path)
		out.WriteHeader(w.answer)
	})}
	go func() { _ = server.Serve(&once{conn: far}) }()
	return near, nil
}

// once is a listener with one connection.
type once struct{ conn net.Conn }

func (o *once) Accept() (net.Conn, error) {
	if conn := o.conn; conn != nil {
		o.conn = nil
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.UnixAddr{} }

// The order reaches the vSocket's door once, and the log says who gave it and how.
func TestRestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		ctx := t.Context()
		sites := inventory.New(db, inventory.Config{})
		account, err := sites.CreateAccount(ctx, "main")
		if err != nil {
			t.Fatal(err)
		}
		by := inventory.Actor{Account: account.ID, ID: "system"}
		s, err := sites.CreateSite(ctx, by, inventory.NewSite{Name: "paris", Native: netip.MustParsePrefix("10.0.1.0/24"), LocalIP: netip.MustParseAddr("10.0.1.4")}, inventory.Change{})
		if err != nil {
			t.Fatal(err)
		}
		serial := s.Primary.Serial
		w := &world{now: status.Site{Primary: of(string(serial), true, status.Up)}}
		service := &Service{Inventory: sites, Status: w, Fleet: w}
		refused := func(force bool, why string) {
			t.Helper()
			var r *inventory.Refusal
			if err := service.Restart(ctx, by, serial, force); !errors.As(err, &r) || !strings.Contains(r.Message, why) {
				t.Errorf("%v, want %q", err, why)
			}
		}
		refused(true, "not enrolled")
		key, err := sites.EnrolKey(ctx, by, serial, inventory.Change{})
		if err == nil {
			_, err = sites.Redeem(ctx, serial, key.Secret, "k")
		}
		if err != nil {
			t.Fatal(err)
		}
		refused(false, "no other vSocket")
		refused(true, "isn't connected")
		if n := ordered(t, sites, by); n != 0 {
			t.Errorf("%d orders that were never given are in the log", n)
		}
		w.answer = http.StatusNotFound
		refused(true, "knows no restart")
		w.answer = http.StatusNoContent
		if err := service.Restart(ctx, by, serial, true); err != nil {
			t.Error(err)
		}
		if len(w.asked) != 2 || w.asked[1] != "door POST /restart" {
			t.Errorf("asked %q", w.asked)
		}
		if n := ordered(t, sites, by); n != 2 {
			t.Errorf("%d orders in the log", n)
		}
		stranger := inventory.Actor{Account: "another", ID: "x"}
		if err := service.Restart(ctx, stranger, serial, true); err == nil {
			t.Error("another account's is restarted")
		}
	})
}

// ordered counts the log's rows.
func ordered(t *testing.T, sites *inventory.Service, by inventory.Actor) (n int) {
	t.Helper()
	list, err := sites.Audit(t.Context(), by, inventory.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Items {
		if r.Action == "socket.restart" && r.After == `{"force":true}` {
			n++
		}
	}
	return n
}
