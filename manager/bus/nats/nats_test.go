package nats

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"releve.dev/releve/manager/bus"
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

func manager(t *testing.T, url, key string) (*bus.Bus, <-chan fleet.Wake) {
	t.Helper()
	b := bus.Open(bus.Config{
		Carrier: New(Config{URL: url, Topic: "releve.test.wake", Key: []byte(key), Log: slog.New(slog.DiscardHandler)}),
		Missed:  func(context.Context, time.Time) (fleet.Wake, error) { return fleet.Wake{}, nil }, Log: slog.New(slog.DiscardHandler),
	})
	heard := make(chan fleet.Wake, 1000)
	b.Subscribe(func(w fleet.Wake) { heard <- w })
	t.Cleanup(func() { _ = b.Close() })
	return b, heard
}

func until(t *testing.T, heard <-chan fleet.Wake, what string, fits func(fleet.Wake) bool) {
	t.Helper()
	for limit := time.After(30 * time.Second); ; {
		select {
		case w := <-heard:
			if fits(w) {
				return
			}
		case <-limit:
			t.Fatalf("not heard: %s", what)
		}
	}
}

func listening(w fleet.Wake) bool { return w.Lost }

func void(serial site.Serial) func(fleet.Wake) bool {
	return func(w fleet.Wake) bool { return len(w.Void) == 1 && w.Void[0] == serial }
}

// What one manager says the others hear; after NATS was away they look for what
// they have missed, and hear again.
func TestNATS(t *testing.T) {
	s := start(t, -1)
	url, port := s.ClientURL(), s.Addr().(*net.TCPAddr).Port
	a, heardA := manager(t, url, "key")
	_, heardB := manager(t, url, "key")
	until(t, heardA, "itself", listening)
	until(t, heardB, "itself", listening)
	began := time.Now()
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-1"}})
	until(t, heardB, "the other", void("RLV-1"))
	t.Logf("heard after %s", time.Since(began).Round(100*time.Microsecond))

	s.Shutdown()
	s.WaitForShutdown()
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-2"}}) // goes nowhere, and stops nobody
	start(t, port)
	until(t, heardB, "that it was deaf", listening)
	until(t, heardA, "that it was deaf", listening)
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-3"}})
	until(t, heardB, "the other", void("RLV-3"))
}

// Who hasn't got the managers' key can't wake them, whatever they say.
func TestForged(t *testing.T) {
	url := start(t, -1).ClientURL()
	a, heardA := manager(t, url, "key")
	_, heardB := manager(t, url, "key")
	other, heardOther := manager(t, url, "another")
	for _, h := range []<-chan fleet.Wake{heardA, heardB, heardOther} {
		until(t, h, "itself", listening)
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
	until(t, heardB, "the other, and nothing forged before", func(w fleet.Wake) bool {
		if void("RLV-9")(w) || w.Lost {
			t.Errorf("heard %+v", w)
		}
		return void("RLV-1")(w)
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
