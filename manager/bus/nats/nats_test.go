package nats

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"releve.dev/releve/manager/bus/bustest"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/site"
)

// start runs a NATS on loopback; port -1 is any that is free.
func start(t *testing.T, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS doesn't start")
	}
	return s
}

func manager(t *testing.T, url, key string) *bustest.Manager {
	t.Helper()
	return bustest.Open(t, New(Config{URL: url, Topic: "releve.test.wake", Key: []byte(key), Log: slog.New(slog.DiscardHandler)}), nil)
}

// What one manager says the others hear; after NATS was away they look for what
// they have missed, and hear again.
func TestNATS(t *testing.T) {
	s := start(t, -1)
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	a, b := manager(t, url, "key"), manager(t, url, "key")
	a.Listens(t)
	b.Listens(t)
	began := time.Now()
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-1"}})
	b.Until(t, "the other", bustest.Void("RLV-1"))
	t.Logf("heard after %s", time.Since(began).Round(100*time.Microsecond))

	s.Shutdown()
	s.WaitForShutdown()
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-2"}}) // goes nowhere, and stops nobody
	start(t, port)
	b.Until(t, "that it was deaf", bustest.Lost)
	a.Until(t, "that it was deaf", bustest.Lost)
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-3"}})
	b.Until(t, "the other", bustest.Void("RLV-3"))
}

// Who hasn't got the managers' key can't wake them, whatever they say.
func TestForged(t *testing.T) {
	url := start(t, -1).ClientURL()
	a, b, other := manager(t, url, "key"), manager(t, url, "key"), manager(t, url, "another")
	for _, m := range []*bustest.Manager{a, b, other} {
		m.Listens(t)
	}
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub, err := conn.SubscribeSync("releve.test.wake")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", `{"from":"x","wake":{"void":["RLV-9"]}}`, string(make([]byte, 100_000))} {
		if err := conn.Publish("releve.test.wake", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	other.Publish(fleet.Wake{Void: []site.Serial{"RLV-9"}})
	for range 4 { // all has come by, the other's too
		if _, err := sub.NextMsg(30 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-1"}})
	b.Until(t, "the other, and nothing forged before", func(w fleet.Wake) bool {
		if bustest.Void("RLV-9")(w) || w.Lost {
			t.Errorf("heard %+v", w)
		}
		return bustest.Void("RLV-1")(w)
	})
}

// FuzzOpened: only what was sealed is opened.
func FuzzOpened(f *testing.F) {
	c := New(Config{Key: []byte("key")})
	f.Add([]byte("message"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, ours := c.opened(text); ours {
			t.Fatalf("%q is opened", text)
		}
		sealed := append(c.seal(text), text...)
		if got, ours := c.opened(sealed); len(sealed) <= most && (!ours || string(got) != string(text)) {
			t.Fatalf("%q isn't opened", text)
		}
	})
}
