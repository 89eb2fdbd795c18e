package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
)

// through is a client whose requests a handler answers, without a socket.
func through(handler http.Handler) *Client {
	return &Client{owner.Through("none", transport(func(r *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		return recorder.Result(), nil
	}))}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// FuzzJournal: what the agent emits comes out at the client, entry by entry, and
// so does the error that ended it, with or without entries before; since arrives
// to the nanosecond.
func FuzzJournal(f *testing.F) {
	f.Add("active", "term 3", "", int64(0), uint8(1))
	f.Add("a\nb", `{"error":"x"}`, "broken\nhint: mend it", int64(1e18), uint8(3))
	f.Add("error", "", "\xff<&>", int64(-1), uint8(0))
	f.Fuzz(func(t *testing.T, what, detail, problem string, nano int64, count uint8) {
		count %= 4
		wall := time.Unix(0, nano).UTC()
		sent := site.Entry{Wall: wall, At: time.Duration(nano), Who: "primary", What: what, Detail: detail}
		h := Handlers{Journal: func(_ context.Context, since time.Time, follow bool, emit func(site.Entry) error) error {
			if !since.Equal(wall) || !follow {
				t.Fatalf("asked since %v (%v), want %v", since, follow, wall)
			}
			for range count {
				if err := emit(sent); err != nil {
					t.Fatal(err)
				}
			}
			if problem != "" {
				return errors.New(problem)
			}
			return nil
		}}
		got := 0
		err := through(h.mux()).Journal(t.Context(), wall, true, func(e site.Entry) error {
			got++
			if !e.Wall.Equal(wall) || e.At != sent.At || e.Who != sent.Who || utf8Of(e.What) != utf8Of(what) || utf8Of(e.Detail) != utf8Of(detail) {
				t.Fatalf("sent %+v, got %+v", sent, e)
			}
			return nil
		})
		switch {
		case got != int(count):
			t.Fatalf("%d of %d entries", got, count)
		case problem == "" && err != nil, problem != "" && (err == nil || utf8Of(err.Error()) != utf8Of(problem)):
			t.Fatalf("the error %q comes as %v", problem, err)
		}
	})
}

// utf8Of is what JSON carries of a text: it replaces what is no UTF-8.
func utf8Of(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\ufffd", "")
}

// FuzzClient: whatever answers on the socket, the client comes to an end, and an
// entry that it gives out is one that the server could have sent.
func FuzzClient(f *testing.F) {
	f.Add(200, []byte(`{"time":"2026-11-25T00:00:00Z","at":1,"who":"primary","what":"active"}`+"\n"+`{"error":"it broke"}`+"\n"))
	f.Add(500, []byte(`{"error":"x"}`))
	f.Add(200, []byte(`{"site":"s","side":"primary","version":"14.0","role":"active","floating_ip":{"address":"10.0.0.4"}}`))
	f.Add(204, []byte{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		client := &Client{owner.Through("none", transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200 + status&0x1ff, Status: "?", Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{}}, nil
		}))}
		_ = client.Journal(t.Context(), time.Time{}, false, func(e site.Entry) error {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatalf("%+v can't have been sent: %v", e, err)
			}
			if bytes.HasPrefix(line, []byte(`{"error":`)) {
				t.Fatalf("%s is an error", line)
			}
			return nil
		})
		if s, err := client.Status(t.Context()); err == nil {
			once, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("%+v can't have been sent: %v", s, err)
			}
			var again site.Status
			if err := json.Unmarshal(once, &again); err != nil {
				t.Fatalf("%s: %v", once, err)
			}
			if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
				t.Fatalf("%s becomes %s (%v)", once, twice, err)
			}
		}
	})
}
