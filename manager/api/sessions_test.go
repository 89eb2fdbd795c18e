package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/status"
)

// A person lists their sessions, ends one and then the rest.
func TestSessionsOfOnesOwn(t *testing.T) {
	w := open(t)
	b, other, third := w.browser(), w.browser(), w.browser()
	b.password("olga", access.Owner)
	login := client.Login{Name: "olga", Password: "correct horse battery"}
	w.pass(time.Minute)
	want[client.Me](other, http.StatusOK, "POST "+Prefix+"/session", login)
	want[client.Me](third, http.StatusOK, "POST "+Prefix+"/session", login)
	const path = Prefix + "/me/sessions"
	list := want[client.Page[client.Session]](b, http.StatusOK, "GET "+path, nil).Items
	if len(list) != 3 || !list[2].This || list[0].This || list[0].Address != "192.0.2.1" || !list[0].Began.After(list[2].Began) {
		t.Fatalf("got %+v", list)
	}
	want[struct{}](b, http.StatusNoContent, "DELETE "+path+"/"+list[2].ID, nil)
	if b.me() != "" || other.me() != "olga" {
		t.Errorf("%q and %q", b.me(), other.me())
	}
	want[client.Problem](other, http.StatusNotFound, "DELETE "+path+"/"+list[2].ID, nil)
	want[struct{}](other, http.StatusNoContent, "DELETE "+path, nil)
	if third.me() != "" || other.me() != "olga" {
		t.Errorf("%q and %q", third.me(), other.me())
	}
	w.want(w.send(w.tokens[access.Viewer], "GET /me/sessions", ""), http.StatusOK, "")
}

// A person is shown by id, with their last sign-in, to who manages people of the
// account.
func TestPersonShown(t *testing.T) {
	w := open(t)
	p := w.browser().password("bob", access.Viewer)
	var shown client.Person
	w.fine(json.Unmarshal([]byte(w.send(w.tokens[access.Owner], "GET /people/"+p.ID, "").body), &shown))
	if shown.Name != "bob" || shown.SignedIn == nil || shown.Invited {
		t.Errorf("got %+v", shown)
	}
	w.want(w.send(w.tokens[access.Editor], "GET /people/"+p.ID, ""), http.StatusForbidden, "forbidden")
	w.want(w.send(w.theirs, "GET /people/"+p.ID, ""), http.StatusNotFound, "absent")
}

func TestAccountShown(t *testing.T) {
	w := open(t)
	w.Retention = status.Retention{Events: 48 * time.Hour, Figures: status.Rules{{Width: 5 * time.Minute, Keep: 24 * time.Hour}}}
	var shown client.Account
	w.fine(json.Unmarshal([]byte(w.send(w.tokens[access.Viewer], "GET /account", "").body), &shown))
	if shown.Name != "ours" || shown.ID != w.ours.Account || shown.EventDays != 2 || len(shown.Figures) != 1 || shown.Figures[0] != (client.Kept{Span: "5m0s", Days: 1}) {
		t.Errorf("got %+v", shown)
	}
}
