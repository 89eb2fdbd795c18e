package ui

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/access"
)

// called is the person of a name.
func (w *world) called(name string) access.Person {
	w.t.Helper()
	list, err := w.Access.People(w.t.Context(), w.ours.Account, "", 100)
	w.fine(err)
	for _, p := range list {
		if p.Name == name {
			return p
		}
	}
	return access.Person{}
}

// secretIn is what a page shows once.
func (w *world) secretIn(p page) string {
	w.t.Helper()
	found := regexp.MustCompile(`<div class="key" id="[a-z]+">([^<]+)</div>`).FindStringSubmatch(p.body)
	if found == nil {
		w.t.Fatalf("nothing is shown once: %s", p.body)
	}
	return html.UnescapeString(found[1])
}

// another is another browser at the same pages.
func (w *world) another() *world {
	other := *w
	other.cookies = map[string]string{}
	return &other
}

// An owner invites somebody, who comes in by the link; gives them another role, keeps
// them out and takes them away. All of it without a script.
func TestAdministrators(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	form := url.Values{"name": {"b o b"}, "role": {"viewer"}}
	w.want(w.post("/people/new", form), http.StatusUnprocessableEntity, "a person can&#39;t be called", `value="b o b"`)
	form.Set("name", "owner")
	w.want(w.post("/people/new", form), http.StatusConflict, "is taken")
	form.Set("name", "bob")
	link := w.secretIn(w.want(w.post("/people/new", form), http.StatusOK, "shown once"))
	address, code, _ := strings.Cut(link, "#")
	if address != "https://manager.example/welcome" {
		t.Errorf("the link leads to %q", address)
	}
	bob := w.called("bob")
	w.want(w.get("/people"), http.StatusOK, "bob", "Invited", "never", ">you<")
	his := w.another().signedIn(code)
	his.want(his.get("/people"), http.StatusForbidden)
	w.want(w.get("/people/"+bob.ID), http.StatusOK, "Active", "now")

	w.want(w.post("/people/"+bob.ID, url.Values{"role": {"auditor"}}), http.StatusSeeOther)
	his.want(his.get("/audit"), http.StatusOK)
	w.want(w.post("/people/"+bob.ID, url.Values{"role": {"auditor"}, "disabled": {"1"}}), http.StatusSeeOther)
	his.want(his.get("/sites"), http.StatusSeeOther)
	w.want(w.get("/people/"+bob.ID), http.StatusOK, "Disabled", `value="1" checked`)
	w.want(w.post("/people/"+bob.ID, url.Values{"role": {"auditor"}}), http.StatusSeeOther)

	again := w.secretIn(w.want(w.post("/people/"+bob.ID+"/code", nil), http.StatusOK))
	w.another().signedIn(again[strings.Index(again, "#")+1:])
	w.want(w.post("/people/"+bob.ID+"/end-passkeys", nil), http.StatusSeeOther)
	w.want(w.get("/people/"+bob.ID+"/remove"), http.StatusOK, "be undone")
	w.want(w.post("/people/"+bob.ID+"/remove", nil), http.StatusSeeOther)
	w.want(w.get("/people/"+bob.ID), http.StatusNotFound)
	his.want(his.get("/sites"), http.StatusSeeOther)
}

// Somebody who is here already may sign in at the provider too, once an owner has
// linked them.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	me := "/people/" + w.called("owner").ID
	if p := w.want(w.get(me), http.StatusOK); strings.Contains(p.body, "OpenID Connect") {
		t.Error("links without a provider")
	}
	w.Provider = "https://login.example"
	w.want(w.get(me), http.StatusOK, "https://login.example")
	w.want(w.post(me+"/link", url.Values{"subject": {""}}), http.StatusUnprocessableEntity, "a link needs an issuer")
	w.want(w.post(me+"/link", url.Values{"subject": {"owner-1"}}), http.StatusSeeOther)
	w.want(w.get(me), http.StatusOK, "<dd>owner-1</dd>", "End all links")
	w.person("bob", access.Viewer)
	bob := "/people/" + w.called("bob").ID
	w.want(w.post(bob+"/link", url.Values{"subject": {"owner-1"}}), http.StatusConflict, "is linked already", `value="owner-1"`)
	w.want(w.post(me+"/unlink", nil), http.StatusSeeOther)
	w.want(w.post(bob+"/link", url.Values{"subject": {"owner-1"}}), http.StatusSeeOther)
}

// The last owner stays one, whatever is asked.
func TestLastOwner(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	me := "/people/" + w.called("owner").ID
	for path, form := range map[string]url.Values{me: {"role": {"viewer"}}, me + "/remove": nil} {
		w.want(w.post(path, form), http.StatusConflict, "the account would have no owner", "make somebody else an owner first")
	}
	w.want(w.post(me, url.Values{"role": {"owner"}, "disabled": {"1"}}, "Accept-Language: fr"), http.StatusConflict, "le compte n&#39;aurait plus de propriétaire")
	if p := w.called("owner"); p.Role != access.Owner || p.Disabled {
		t.Errorf("got %+v", p)
	}
}

// A token's secret is shown once; it may do what was chosen, until it is revoked.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	w.paris("paris", 1, false)
	w.signedIn(w.person("editor", access.Editor))
	const path = "/account/tokens"
	w.want(w.get(path), http.StatusOK, "You have no token", `value="90"`)
	form := url.Values{"name": {"terraform"}, "days": {"0"}, "scopes": {"site.read"}}
	w.want(w.post(path, form), http.StatusUnprocessableEntity, "this is no number of days", `value="site.read" checked`)
	form.Set("days", "30")
	form.Set("scopes", "audit.read")
	w.want(w.post(path, form), http.StatusUnprocessableEntity, "you may not do")
	form.Set("scopes", "site.read")
	secret := w.secretIn(w.want(w.post(path, form), http.StatusOK, "shown once"))
	list := w.want(w.get(path), http.StatusOK, "terraform")
	if strings.Contains(list.body, secret) {
		t.Error("the secret is shown again")
	}
	program := w.another()
	bearer := "Authorization: Bearer " + secret
	program.want(program.get("/api/v1/sites", bearer), http.StatusOK, "paris")
	program.want(program.get("/api/v1/pops", bearer), http.StatusOK)
	program.want(program.get("/api/v1/tokens", bearer), http.StatusForbidden)
	revoke := regexp.MustCompile(`action="(/account/tokens/[^"]+/revoke)"`).FindStringSubmatch(list.body)
	w.want(w.post(revoke[1], nil), http.StatusSeeOther)
	program.want(program.get("/api/v1/sites", bearer), http.StatusUnauthorized)
}

// Another person's token isn't there to be revoked.
func TestTokensOfOthers(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	w.want(w.post("/account/tokens", url.Values{"name": {"t"}, "days": {"1"}, "scopes": {"site.read"}}), http.StatusOK)
	list := w.get("/account/tokens")
	revoke := regexp.MustCompile(`action="(/account/tokens/[^"]+/revoke)"`).FindStringSubmatch(list.body)
	eve := w.another().signedIn(w.person("eve", access.Owner))
	eve.want(eve.post(revoke[1], nil), http.StatusNotFound)
	w.want(w.get("/account/tokens"), http.StatusOK, revoke[1])
}

// later moves the clock of who may come in.
func (w *world) later(d time.Duration) {
	w.Access = access.New(w.store, func() time.Time { return time.Now().Add(d) })
	w.api.Access = w.Access
}

// A new password needs one to have shown just now who one is; it ends all sessions but
// the browser's own, which gets a new one.
func TestPassword(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	other := w.another()
	other.want(other.post("/sign-in", url.Values{"person": {"owner"}, "password": {password}}), http.StatusSeeOther)
	w.later(access.ConfirmLife)
	if p := w.want(w.get("/account"), http.StatusOK, "Show that it is you"); strings.Contains(p.body, `action="/account/password"`) {
		t.Error("offers to change the password")
	}
	w.want(w.post("/account/password", url.Values{"password": {"another horse battery"}}), http.StatusForbidden, "this wants you to show who you are")
	w.want(w.post("/account/confirm", url.Values{"password": {"wrong"}}), http.StatusUnprocessableEntity, "the password is wrong")
	w.want(w.post("/account/confirm", url.Values{"password": {password}}), http.StatusSeeOther)
	w.want(w.get("/account"), http.StatusOK, `action="/account/password"`)
	w.want(w.post("/account/password", url.Values{"password": {"short"}}), http.StatusUnprocessableEntity, "the password has 5 characters", `aria-invalid="true"`)
	w.want(w.post("/account/password", url.Values{"password": {"another horse battery"}}), http.StatusSeeOther)
	w.want(w.get("/account?saved"), http.StatusOK, "Saved.")
	other.want(other.get("/account"), http.StatusSeeOther)
	other.want(other.post("/sign-in", url.Values{"person": {"owner"}, "password": {password}}), http.StatusUnauthorized)
}

// One sees where one has signed in, and ends any of it.
func TestOwnSessions(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	others := []*world{w.another(), w.another()}
	for _, o := range others {
		o.want(o.post("/sign-in", url.Values{"person": {"owner"}, "password": {password}}), http.StatusSeeOther)
	}
	list := w.want(w.get("/account"), http.StatusOK, "192.0.2.1", "This one", "End all others")
	ids := regexp.MustCompile(`name="session" value="([0-9a-f]+)"`).FindAllStringSubmatch(list.body, -1)
	if len(ids) != 2 {
		t.Fatalf("%d other sessions", len(ids))
	}
	w.want(w.post("/account/end-session", url.Values{"session": {ids[0][1]}}), http.StatusSeeOther)
	w.want(w.post("/account/end-session", url.Values{"session": {ids[0][1]}}), http.StatusNotFound, "you have no session")
	w.want(w.post("/account/end-others", nil), http.StatusSeeOther)
	for _, o := range others {
		o.want(o.get("/account"), http.StatusSeeOther)
	}
	w.want(w.get("/account"), http.StatusOK)
}

// PoPs are added, enrolled with a key that is shown once, and removed; a viewer sees
// them.
func TestPoPs(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	const path = "/settings/pops"
	w.want(w.get(path), http.StatusOK, "There is no PoP yet")
	w.want(w.post(path, url.Values{"name": {" "}}), http.StatusUnprocessableEntity, "a name is missing")
	w.want(w.post(path, url.Values{"name": {"pop1"}}), http.StatusSeeOther)
	w.want(w.post(path+"?check=1", url.Values{"name": {"pop1"}}), http.StatusOK, "there is a PoP")
	all, err := w.Inventory.PoPs(t.Context(), w.ours)
	w.fine(err)
	if key := w.secretIn(w.want(w.post(path+"/"+all[0].ID+"/key", nil), http.StatusOK, "releve-pop enrol --manager manager.example")); !strings.HasPrefix(key, string(all[0].Serial)) {
		t.Errorf("the key is %q", key)
	}
	viewer := w.another().signedIn(w.person("viewer", access.Viewer))
	if p := viewer.want(viewer.get(path), http.StatusOK, "pop1"); strings.Contains(p.body, "/remove") || strings.Contains(p.body, "/key") {
		t.Error("offers a viewer to change PoPs")
	}
	viewer.want(viewer.post(path, url.Values{"name": {"pop2"}}), http.StatusForbidden)
	w.want(w.get(path+"/"+all[0].ID+"/remove"), http.StatusOK, "void for ever")
	w.want(w.post(path+"/"+all[0].ID+"/remove", nil), http.StatusSeeOther)
	w.want(w.get(path), http.StatusOK, "There is no PoP yet")
}

// What the manager's options decide is shown.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.person("viewer", access.Viewer))
	w.want(w.get("/settings"), http.StatusOK, "main", "400 days", "35 seconds", "Figures of 5 minutes each", "8 days")
	w.Provider, w.Passkeys = "https://login.example", "manager.example"
	w.want(w.get("/settings"), http.StatusOK, "https://login.example", "Of manager.example")
}
