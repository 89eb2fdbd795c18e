package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// A PoP from its adding to its removal; another account's is absent.
func TestPoPs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		owner := w.tokens[access.Owner]
		w.unchanged(func() {
			w.want(w.send(owner, "POST /pops?dry_run=true", `{"name": "pop1"}`), http.StatusOK, "")
			w.want(w.send(owner, "POST /pops", `{"name": ""}`), http.StatusUnprocessableEntity, "invalid")
			w.want(w.send(w.tokens[access.Viewer], "POST /pops", `{"name": "pop1"}`), http.StatusForbidden, "forbidden")
		})
		added := w.send(owner, "POST /pops", `{"name": "pop1"}`)
		w.want(added, http.StatusCreated, "")
		var p client.PoP
		w.fine(json.Unmarshal([]byte(added.body), &p))
		if p.Name != "pop1" || p.State != "new" || p.Generation != 1 || p.Connected || p.Endpoint != "" {
			t.Errorf("%+v", p)
		}
		w.want(w.send(owner, "POST /pops", `{"name": "pop1"}`), http.StatusConflict, "taken")
		key := w.send(w.tokens[access.Editor], "POST /pops/"+p.ID+"/enrol-key", "")
		if w.want(key, http.StatusOK, ""); !strings.Contains(key.body, p.Serial+".") {
			t.Errorf("%s", key.body)
		}
		w.unchanged(func() {
			for _, what := range []string{"GET /pops/", "DELETE /pops/"} {
				w.want(w.send(w.theirs, what+p.ID, ""), http.StatusNotFound, "absent")
			}
			w.want(w.send(w.theirs, "POST /pops/"+p.ID+"/enrol-key", ""), http.StatusNotFound, "absent")
			w.want(w.send(owner, "POST /sockets/"+p.Serial+"/enrol-key", ""), http.StatusNotFound, "absent")
			w.want(w.send(owner, "GET /pops/x", ""), http.StatusNotFound, "absent")
		})
		if list := w.send(w.theirs, "GET /pops", ""); !strings.Contains(list.body, `"items":[]`) {
			t.Errorf("their list: %s", list.body)
		}

		match := fmt.Sprintf("If-Match: %q", fmt.Sprint(w.site.Generation))
		w.unchanged(func() {
			w.want(w.send(owner, w.ofSite("PATCH /sites/SITE"), `{"pops": ["pop2"]}`, match), http.StatusUnprocessableEntity, "invalid")
		})
		set := w.send(owner, w.ofSite("PATCH /sites/SITE"), `{"pops": ["pop1"]}`, match)
		if w.want(set, http.StatusOK, ""); !strings.Contains(set.body, `"pops":["pop1"]`) {
			t.Errorf("%s", set.body)
		}
		w.want(w.send(owner, "DELETE /pops/"+p.ID, ""), http.StatusConflict, "not-now")
		match = fmt.Sprintf("If-Match: %q", fmt.Sprint(w.site.Generation+1))
		w.want(w.send(owner, w.ofSite("PATCH /sites/SITE"), `{"pops": []}`, match), http.StatusOK, "")
		w.unchanged(func() { w.want(w.send(owner, "DELETE /pops/"+p.ID+"?dry_run=true", ""), http.StatusNoContent, "") })
		w.want(w.send(owner, "DELETE /pops/"+p.ID, ""), http.StatusNoContent, "")
		w.want(w.send(owner, "GET /pops/"+p.ID, ""), http.StatusNotFound, "absent")
	})
}

// HA settings are shown as they were given, refused by name and value, and left to
// the vSockets again by an empty text.
func TestHASettings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		owner, generation := w.tokens[access.Owner], w.site.Generation
		patch := func(body string) answer {
			return w.send(owner, w.ofSite("PATCH /sites/SITE/ha"), body, fmt.Sprintf("If-Match: %q", fmt.Sprint(generation)))
		}
		w.unchanged(func() {
			for body, says := range map[string]string{
				`{"keepalive": "2s"}`:         "keepalive 2s is not between 10ms and 1s",
				`{"hold": "soon"}`:            `hold \"soon\" isn't a time`,
				`{"confirm": "0s"}`:           `confirm \"0s\" isn't a time`,
				`{"third": "moon"}`:           `third \"moon\" is none of witness, arm`,
				`{"lease": "100ms"}`:          "lease 100ms is shorter than 3 keepalives of 50ms",
				`{"keepalive": null, "x": 1}`: "unexpected property",
			} {
				if a := patch(body); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, says) {
					t.Errorf("%s: %d %s", body, a.status, a.body)
				}
			}
		})
		a := patch(`{"keepalive": "20ms", "hold": "60s", "alone": "stop"}`)
		if w.want(a, http.StatusOK, ""); !strings.Contains(a.body, `"settings":{"keepalive":"20ms","hold":"1m0s","alone":"stop"}`) {
			t.Errorf("%s", a.body)
		}
		generation++
		a = patch(`{"keepalive": "", "hold": "", "alone": ""}`)
		if w.want(a, http.StatusOK, ""); !strings.Contains(a.body, `"settings":{}`) {
			t.Errorf("%s", a.body)
		}
	})
}
