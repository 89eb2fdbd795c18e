package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// A request that is sent again has the answer it had, and nothing is done twice.
func TestReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		owner, key := w.tokens[access.Owner], "Idempotency-Key: k1"
		body := `{"name": "x", "subnet": "10.9.0.0/24", "local_ip": "10.9.0.4"}`
		first := w.send(owner, "POST /sites", body, key)
		w.want(first, http.StatusCreated, "")
		w.unchanged(func() {
			again := w.send(owner, "POST /sites", body, key)
			if again.status != first.status || again.body != first.body || again.header.Get("ETag") != first.header.Get("ETag") ||
				again.header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("got %d %s %v", again.status, again.body, again.header)
			}
			w.want(w.send(owner, "POST /sites", strings.Replace(body, "x", "y", 1), key), http.StatusUnprocessableEntity, "key-reused")
			w.want(w.send(owner, "POST /sites?dry_run=true", body, key), http.StatusUnprocessableEntity, "key-reused")
			// A key is its actor's own.
			w.want(w.send(w.tokens[access.Editor], "POST /sites", body, key), http.StatusConflict, "taken")
			// A refusal is an answer too.
			w.want(w.send(owner, "POST /sites", body, "Idempotency-Key: k2"), http.StatusConflict, "taken")
			again = w.send(owner, "POST /sites", body, "Idempotency-Key: k2")
			w.want(again, http.StatusConflict, "taken")
			if again.header.Get("Idempotency-Replayed") != "true" {
				t.Error("carried out again")
			}
			w.want(w.send(w.tokens[access.Viewer], "POST /sites", body, key), http.StatusForbidden, "forbidden")
		})
		w.pass(answersKept + time.Second)
		w.want(w.send(owner, "POST /sites", body, key), http.StatusConflict, "taken") // it is a new request
	})
}

// A secret is in no answer that is kept.
func TestReplayKeepsNoSecret(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	owner := w.tokens[access.Owner]
	// A registered vSocket gets no key; the secondary is new.
	what := "POST /sockets/" + string(w.site.Secondary.Serial) + "/enrol-key"
	w.want(w.send(owner, what, "", "Idempotency-Key: k"), http.StatusOK, "")
	w.unchanged(func() { w.want(w.send(owner, what, "", "Idempotency-Key: k"), http.StatusConflict, "secret") })
}

// Who sends a request again after the manager died is told that its outcome
// isn't known.
func TestReplayOfTheUnfinished(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	owner := w.tokens[access.Owner]
	who, err := w.Access.ByToken(t.Context(), owner)
	w.fine(err)
	body := `{"name": "x", "subnet": "10.9.0.0/24", "local_ip": "10.9.0.4"}`
	r, err := http.NewRequest("POST", "https://manager.example"+Prefix+"/sites", nil)
	w.fine(err)
	w.unfinished(who.Actor(""), "k", hashRequest(r, []byte(body)))
	w.unchanged(func() {
		w.want(w.send(owner, "POST /sites", body, "Idempotency-Key: k"), http.StatusConflict, "unfinished")
	})
}
