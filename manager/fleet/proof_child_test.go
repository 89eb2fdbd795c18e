package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/core/event"
	"releve.dev/releve/disk"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/spool"
)

// order is what a child of the proof is to do; it is in its environment.
type order struct {
	Role     string
	Dir      string
	Database string
	Life     int
	Events   int
	VSockets []vsocketOrder
}

type vsocketOrder struct {
	Number int
	Key    string
	Next   int // its next event's number
}

const orderVar = "RELEVE_FLEET_ORDER"

func TestMain(m *testing.M) {
	text := os.Getenv(orderVar)
	if text == "" {
		os.Exit(m.Run())
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		switch o.Role {
		case "manager":
			err = o.manager()
		case "vsockets":
			err = o.vsockets()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, o.Role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func socketIn(dir string) string { return filepath.Join(dir, "manager.sock") }

// manager serves on a Unix socket until it is killed.
func (o *order) manager() error {
	ctx := context.Background()
	a, err := authority.Open(filepath.Join(o.Dir, "authority"))
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, o.Database)
	if err != nil {
		return err
	}
	f, err := fleet.Open(ctx, fleet.Config{
		Authority: a, Inventory: inventory.New(db, inventory.Config{Fingerprint: a.Fingerprint()}),
		Events: events.New(db, events.Config{}), Bus: &fleet.LocalBus{}, Log: quiet,
	})
	if err != nil {
		return err
	}
	if err := os.Remove(socketIn(o.Dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", socketIn(o.Dir))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(f.Handler())
	config, err := f.TLS()
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return fleet.Server(mux, config, quiet).ServeTLS(l, "", "")
}

func dialUnix(dir string) channel.Dial {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socketIn(dir))
	}
}

// vsockets runs some of them until all that they have is with the manager.
func (o *order) vsockets() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wait sync.WaitGroup
	problems := make(chan error, len(o.VSockets))
	for _, v := range o.VSockets {
		wait.Go(func() { problems <- o.vsocket(ctx, v) })
	}
	wait.Wait()
	for range o.VSockets {
		if err := <-problems; err != nil {
			return err
		}
	}
	fmt.Println("empty")
	return nil
}

func (o *order) vsocket(ctx context.Context, v vsocketOrder) error {
	folder, err := disk.Own(filepath.Join(o.Dir, fmt.Sprint("vsocket", v.Number)))
	if err != nil {
		return err
	}
	dial := dialUnix(o.Dir)
	if err := enrol(ctx, folder, dial, v.Key); err != nil {
		return err
	}
	s, stop, err := live(ctx, folder, dial)
	if err != nil {
		return err
	}
	defer stop()
	for n := v.Next; n < o.Events; n++ {
		message := fmt.Sprintf("%d/%d/%d", v.Number, o.Life, n)
		if _, err := s.Append(spool.HA, eventOf(message)); err != nil {
			return err
		}
		if _, err := os.Stdout.WriteString(message + "\n"); err != nil {
			return err
		}
		<-time.After(rand.N(20 * time.Millisecond)) // so that they are spread over the kills
	}
	for s.Stats().Total() > 0 {
		<-time.After(20 * time.Millisecond)
	}
	return nil
}

// enrol tries until there is a manager.
func enrol(ctx context.Context, folder disk.Folder, dial channel.Dial, text string) error {
	key, err := site.ParseEnrolKey(text)
	if err != nil {
		return err
	}
	for range 600 {
		_, err = channel.Open(channel.Config{Folder: folder, Log: quiet})
		if !errors.Is(err, channel.ErrNotEnrolled) {
			return err
		}
		_, err = channel.Enrol(ctx, "manager", dial, folder, key)
		if reason := contract.ReasonOf(err); reason != 0 && reason != contract.Refusal_BUSY {
			return err
		}
		<-time.After(rand.N(200 * time.Millisecond))
	}
	return err
}

// live is a life of a vSocket's channel.
func live(ctx context.Context, folder disk.Folder, dial channel.Dial) (*spool.Spool, func(), error) {
	s, err := spool.Open(folder, spool.Options{Boot: rand.Uint64()>>1 | 1})
	if err != nil {
		return nil, nil, err
	}
	c, err := channel.Open(channel.Config{
		Manager: "manager", Folder: folder, Spool: s, Version: site.Release, Machine: "vm", Log: quiet, Dial: dial, Retry: 2 * time.Second,
	})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = c.Run(ctx)
	}()
	return s, func() {
		cancel()
		<-over
	}, nil
}

func eventOf(message string) []byte {
	body, err := event.Encode(event.Event{
		ID: event.ID{Serial: "none", Boot: "none", Number: 1}, Kind: event.WANDisconnected, Time: time.Now().Truncate(time.Millisecond),
		Role: site.Primary, Version: site.Release, Message: message,
	})
	if err != nil {
		panic(err)
	}
	return body
}
