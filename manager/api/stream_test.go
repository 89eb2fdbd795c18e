package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

// served serves a world, for a real client.
func (w *world) served(t *testing.T, token string) *client.Client {
	server := httptest.NewTLSServer(w.handler)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, fmt.Sprintf("%x", sha256.Sum256(server.Certificate().Raw)), token)
	w.fine(err)
	return c
}

func (w *world) happens(number uint64, message string) {
	body, err := event.Encode(event.Event{ID: event.ID{Serial: string(w.site.Primary.Serial), Boot: "b", Number: number}, Kind: event.Connected,
		Time: w.clock().Truncate(time.Millisecond).UTC(), Role: site.Primary, Version: site.Release, Message: message})
	w.fine(err)
	kept, err := w.Events.Keep(context.Background(), []events.Sent{{Serial: string(w.site.Primary.Serial), Boot: "b", Number: number, Body: body}})
	w.fine(err)
	if kept.Fresh != 1 {
		w.t.Fatalf("event %d: %+v", number, kept)
	}
}

var errEnough = errors.New("enough")

// Events are listed, exported, and followed from where a client left off; no
// other account sees them.
func TestEvents(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	c := w.served(t, w.tokens[access.Viewer])
	w.happens(1, "first")
	page, err := c.Events(t.Context(), client.EventFilter{Site: w.site.ID, Kinds: []string{string(event.Connected)}, Role: "primary"}, "", 10)
	w.fine(err)
	if len(page.Items) != 1 || page.Items[0].Message != "first" || page.Items[0].Serial != string(w.site.Primary.Serial) {
		t.Errorf("got %+v", page)
	}
	var table strings.Builder
	w.fine(c.ExportEvents(t.Context(), client.EventFilter{}, "csv", &table))
	if lines := strings.Split(strings.TrimSpace(table.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "first") {
		t.Errorf("got %q", table.String())
	}
	var got []string
	w.happens(2, "second")
	err = c.FollowEvents(t.Context(), client.EventFilter{}, page.Items[0].Arrival, func(e client.Event) error {
		got = append(got, e.Message)
		if len(got) == 1 {
			w.happens(3, "third") // it is following now
		}
		if len(got) == 2 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || strings.Join(got, " ") != "second third" {
		t.Errorf("%q, %v", got, err)
	}
	if theirs, err := c.As(w.theirs).Events(t.Context(), client.EventFilter{}, "", 10); err != nil || len(theirs.Items) != 0 {
		t.Errorf("%+v, %v", theirs, err)
	}
}

// A status comes at once, and for nobody else.
func TestStatus(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	c := w.served(t, w.tokens[access.Viewer])
	err := c.WatchStatus(t.Context(), w.site.ID, func(s client.Status) error {
		if s.Type != "Azure vSocket" || s.Master != "none" || s.HA == nil || s.HA.Ready || s.Secondary == nil || s.Secondary.Connection != "new" {
			t.Errorf("got %+v", s)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
	var p *client.Problem
	if _, err := c.As(w.theirs).Status(t.Context(), w.site.ID); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("got %v", err)
	}
}
