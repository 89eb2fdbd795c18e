package control

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
)

func start(t *testing.T, handlers Handlers) *Client {
	t.Helper()
	dir := t.TempDir()
	server, err := Serve(dir, handlers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(Socket(dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	return Dial(Socket(dir))
}

func TestStatus(t *testing.T) {
	want := site.Status{Site: "Paris", Side: site.Secondary, Role: site.Active, Term: 7, Version: site.Version{Major: 14, Minor: 0}}
	var fault error
	client := start(t, Handlers{Status: func(context.Context) (site.Status, error) { return want, fault }})
	got, err := client.Status(t.Context())
	if err != nil || got.Site != want.Site || got.Side != want.Side || got.Role != want.Role || got.Term != 7 || got.Version != want.Version {
		t.Errorf("status %+v, %v", got, err)
	}
	fault = errors.New("busy")
	if _, err := client.Status(t.Context()); err == nil || err.Error() != "busy" {
		t.Errorf("error %v", err)
	}
	if err := client.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "POST /stop with 404") {
		t.Errorf("no such door: %v", err)
	}
}

// Entries arrive while the journal is followed, not at its end.
func TestJournalIsFollowed(t *testing.T) {
	since := time.Date(2026, 11, 23, 12, 0, 0, 5000000, time.UTC)
	more := make(chan struct{})
	client := start(t, Handlers{Journal: func(ctx context.Context, from time.Time, follow bool, emit func(site.Entry) error) error {
		if !from.Equal(since) || !follow {
			t.Errorf("asked from %s, follow %v", from, follow)
		}
		for _, what := range []string{"peer silent", "claim"} {
			if err := emit(site.Entry{What: what, At: 3 * time.Millisecond}); err != nil {
				return err
			}
			<-more
		}
		return errors.New("disk is gone")
	}})
	var got []string
	err := client.Journal(t.Context(), since, true, func(entry site.Entry) error {
		got = append(got, entry.What)
		more <- struct{}{}
		return nil
	})
	if strings.Join(got, ",") != "peer silent,claim" || err == nil || err.Error() != "disk is gone" {
		t.Errorf("entries %v, error %v", got, err)
	}
}

// A client that goes away ends what it asked for.
func TestClientGoes(t *testing.T) {
	ended := make(chan struct{})
	client := start(t, Handlers{Journal: func(ctx context.Context, _ time.Time, _ bool, emit func(site.Entry) error) error {
		defer close(ended)
		emit(site.Entry{What: "started"})
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	err := client.Journal(ctx, time.Time{}, true, func(site.Entry) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-ended
}

func TestAPITestAndStop(t *testing.T) {
	var refuse error
	stopped := false
	client := start(t, Handlers{
		APITest: func(_ context.Context, emit func(any) error) error {
			if refuse != nil {
				return refuse
			}
			return emit(map[string]any{"name": "token", "error": "no identity"})
		},
		Moved: func(context.Context) error { return refuse },
		Stop:  func(context.Context) error { stopped = true; return nil },
	})
	var steps []string
	keep := func(step json.RawMessage) error { steps = append(steps, string(step)); return nil }
	if err := client.APITest(t.Context(), keep); err != nil || strings.Join(steps, "") != `{"error":"no identity","name":"token"}` {
		t.Errorf("steps %v, %v", steps, err)
	}
	if err := client.Moved(t.Context()); err != nil {
		t.Errorf("a person's word: %v", err)
	}
	refuse = errors.New("a takeover is under way")
	if err := client.APITest(t.Context(), keep); err == nil || err.Error() != refuse.Error() {
		t.Errorf("error %v", err)
	}
	if err := client.Moved(t.Context()); err == nil || err.Error() != refuse.Error() {
		t.Errorf("error %v", err)
	}
	if err := client.Stop(t.Context()); err != nil || !stopped {
		t.Errorf("stopped %v, %v", stopped, err)
	}
}

func TestWrongSince(t *testing.T) {
	client := start(t, Handlers{Journal: func(context.Context, time.Time, bool, func(site.Entry) error) error { return nil }})
	if _, err := client.door.Do(t.Context(), "GET", "/journal?since=noon"); err == nil || !strings.Contains(err.Error(), `"noon"`) {
		t.Errorf("error %v", err)
	}
}
