package ui

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/passkey"
)

// An owner invites somebody by clicking, who comes in by the link, is given another
// role, and is taken away.
func TestBrowserAdministrators(t *testing.T) {
	w := newWorld(t)
	b := w.browse("en")
	b.signIn(w.code)
	b.goes("/people")
	b.presses("Invite somebody")
	b.until("location.pathname === '/people/new'")
	b.types("name", "bob")
	b.picks("editor")
	b.presses("Invite")
	b.sees("shown once")
	link, err := url.Parse(eval[string](b, "document.getElementById('link').textContent"))
	w.fine(err)
	b.presses("I have it")
	b.sees("Invited")
	b.leaves()

	b.signIn(link.Fragment)
	b.sees("New site") // an editor's
	if eval[bool](b, `!!document.querySelector("a[href='/people']")`) {
		t.Error("an editor is led to the administrators")
	}
	b.leaves()

	b.comes("owner")
	b.goes("/people")
	b.presses("bob")
	b.sees("Active")
	b.picks("viewer")
	b.presses("Save")
	b.sees("Saved.")
	if p := w.called("bob"); p.Role != access.Viewer {
		t.Errorf("got %+v", p)
	}
	b.presses("Remove…")
	b.sees("This can't be undone.")
	b.presses("Remove for ever")
	b.until("location.pathname === '/people'")
	if p := w.called("bob"); p.ID != "" {
		t.Errorf("bob is still there: %+v", p)
	}
}

// goes follows a link of the frame around the page.
func (b *browser) goes(path string) {
	b.t.Helper()
	b.do("going to "+path, chromedp.Click(fmt.Sprintf(`header a[href="%s"]`, path)))
	b.until(fmt.Sprintf("location.pathname === %q", path))
}

// picks a role.
func (b *browser) picks(role string) {
	b.t.Helper()
	b.do("picking "+role, chromedp.Click(fmt.Sprintf(`input[name=role][value="%s"]`, role)))
}

// leaves signs out.
func (b *browser) leaves() {
	b.t.Helper()
	b.do("signing out", chromedp.Click(`form[action="/sign-out"] button`))
	b.until("location.pathname === '/sign-in'")
}

// comes signs in by name and password.
func (b *browser) comes(name string) {
	b.t.Helper()
	b.types("person", name)
	b.types("password", password)
	b.presses("Sign in")
	b.until("location.pathname !== '/sign-in'")
}

// passkeys gives the world's managers the browser's host name, and the browser an
// authenticator whose user is always there.
func (w *world) passkeys(b *browser) {
	w.t.Helper()
	b.base = strings.Replace(b.base, "127.0.0.1", "localhost", 1)
	party, err := passkey.New("localhost", b.base)
	w.fine(err)
	w.api.SignIn.Passkeys, w.Passkeys = party, party.Name()
	b.do("opening", chromedp.Navigate(b.base+"/sign-in"))
	_, err = chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	w.fine(err)
	_, err = chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	w.fine(err)
}

// A person adds a passkey, signs in with it, shows with it once more who they are,
// where the password isn't typed any more, and takes it away.
func TestBrowserPasskeys(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	b := w.browse("en")
	w.passkeys(b)
	b.signIn(w.code)
	b.goes("/account")
	b.types("name", "laptop")
	b.presses("Add a passkey")
	b.sees("Saved.")
	b.sees("Last used: never")
	b.leaves()

	b.presses("Sign in with a passkey")
	b.until("location.pathname === '/sites'")
	w.later(access.ConfirmLife)
	b.goes("/account")
	b.sees("You signed in more than five minutes ago.")
	b.presses("Use a passkey instead")
	b.sees("Change the password")

	w.later(2 * access.ConfirmLife)
	b.open("/sites/" + s.ID + "/unassign")
	b.types("typed", string(s.Secondary.Serial))
	b.presses("Use a passkey instead")
	b.sees("You have shown that it is you.")
	b.presses("Unassign for ever")
	b.sees("Saved.")

	b.goes("/account")
	b.do("removing the passkey", chromedp.Click(`form[action="/account/end-passkey"] button`))
	b.sees("Saved.")
	b.leaves()
	b.presses("Sign in with a passkey") // the device has it, the manager not any more
	b.sees("That didn't work.")
	b.sees("the passkey isn't known here")
}

// The pages of people, tokens and PoPs as they are when there are some, and those that
// ask one to show that it is oneself: axe finds nothing wrong with any.
func TestBrowserPeoplePages(t *testing.T) {
	if found() == "" {
		t.Skip("no Chromium or Chrome on this machine")
	}
	axe, err := os.ReadFile(filepath.Join("testdata", "axe.js"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.person("camille", access.Editor)
	w.another().signedIn(w.person("bob", access.Auditor))
	_, err = w.Access.SetPerson(t.Context(), w.ours, w.called("camille").ID, access.Viewer, true)
	w.fine(err)
	w.person("dominique", access.Viewer)
	pop, err := w.Inventory.AddPoP(t.Context(), w.ours, "paris-1", inventory.Change{})
	w.fine(err)
	b := w.browse("en")
	w.passkeys(b)
	b.looks("/sign-in", "light-en-sign-in", string(axe))
	b.signIn(w.code)
	b.open("/account")
	b.types("name", "laptop")
	b.presses("Add a passkey")
	b.sees("Saved.")
	me, err := w.Access.BySession(t.Context(), b.session())
	w.fine(err)
	for _, name := range []string{"terraform", "grafana"} {
		_, _, err = w.Access.NewToken(t.Context(), me, name, []access.Action{access.SiteRead, access.AuditRead}, 0, "")
		w.fine(err)
	}
	_, _, err = w.Access.Login(t.Context(), "owner", password, "192.0.2.77", "")
	w.fine(err)
	b.looks("/account", "light-en-account-unlocked", string(axe))
	w.later(access.ConfirmLife)
	bob := "/people/" + w.called("bob").ID
	pages := map[string]string{"/people": "people-some", bob: "person", bob + "/remove": "person-remove", "/account": "account-locked", "/account/tokens": "tokens-some",
		"/settings/pops": "pops-some", "/settings/pops/" + pop.ID + "/remove": "pop-remove", "/sites/" + s.ID + "/unassign": "unassign-locked"}
	for _, look := range []string{"light", "dark"} {
		for _, lang := range []string{"en", "fr"} {
			eval[bool](b, fmt.Sprintf(`fetch("/look", {method: "POST", body: new URLSearchParams({lang: %q, look: %q})}).then(() => true)`, lang, look))
			for path, name := range pages {
				b.looks(path, look+"-"+lang+"-"+name, string(axe))
			}
		}
	}
}

// session is the secret of the browser's.
func (b *browser) session() string {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range got.Cookies {
		if c.Name == api.CookieName {
			return c.Value
		}
	}
	b.t.Fatal("the browser has no session")
	return ""
}
