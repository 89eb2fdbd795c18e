package api

import (
	"fmt"
	"strings"
	"testing"

	"releve.dev/releve/manager/access"
)

// FuzzRequests sends any request as nobody, as a viewer, and as the owner of
// another account. None of them may change anything of ours, none gets a look at
// what isn't theirs, and none makes the manager fail.
func FuzzRequests(f *testing.F) {
	w := newWorld(f, openFor(f))
	for _, c := range changes {
		method, path, _ := strings.Cut(c.what, " ")
		f.Add(method, path, c.body, `"3"`, "k")
	}
	f.Add("POST", "/sockets/SERIAL/enrol-key", "", "", "")
	f.Add("POST", "/session", `{"name": "owner", "password": "x"}`, "", "")
	f.Add("POST", "/session/redeem", `{"code": "rlvc_", "password": "x"}`, "", "")
	f.Add("POST", "/people", `{"name": "x", "role": "owner"}`, "", "k")
	f.Add("POST", "/tokens", `{"name": "x", "scopes": ["site.read"], "days": 1}`, "", "k")
	f.Add("GET", "/audit?after=x&limit=1", "", "", "")
	f.Fuzz(func(t *testing.T, method, path, body, match, key string) {
		w.t = t
		path = strings.NewReplacer("SITE", w.site.ID, "NETWORK", w.site.Ranges[0].ID, "SERIAL", string(w.site.Primary.Serial)).Replace(path)
		target := Prefix + path
		before := w.state()
		for _, token := range []string{"", w.tokens[access.Viewer], w.theirs} {
			got, ok := w.raw(token, method, target, body, match, key)
			if ok && got.Code >= 500 {
				t.Errorf("%s %q %q: %d %s", method, target, body, got.Code, got.Body)
			}
			if ok && token == w.theirs && got.Code < 300 && strings.Contains(got.Body.String(), w.site.ID) {
				t.Errorf("%s %q shows what isn't theirs: %s", method, target, got.Body)
			}
		}
		if after := w.state(); after != before {
			t.Errorf("%s %q %q has changed something:\n%s\n%s", method, target, body, before, after)
		}
	})
}

// FuzzInput sends any body to a change that is tried only, as somebody who may.
func FuzzInput(f *testing.F) {
	w := newWorld(f, openFor(f))
	for i, c := range changes {
		f.Add(i, c.body)
	}
	f.Add(0, `{"name": "\u0000"}`)
	f.Fuzz(func(t *testing.T, which int, body string) {
		w.t = t
		c := changes[uint(which)%uint(len(changes))]
		method, path, _ := strings.Cut(w.ofSite(c.what), " ")
		w.unchanged(func() {
			got, ok := w.raw(w.tokens[access.Owner], method, Prefix+path+"?dry_run=true", body, fmt.Sprintf("%q", fmt.Sprint(w.site.Generation)), "")
			if ok && got.Code >= 500 {
				t.Errorf("%s %q: %d %s", c.what, body, got.Code, got.Body)
			}
		})
	})
}
