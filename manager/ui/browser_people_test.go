package ui

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/passkey"
	"releve.dev/releve/web/browsertest"
)

// An owner invites somebody by clicking, who comes in by the link, is given another
// role, and is taken away.
func TestBrowserAdministrators(t *testing.T) {
	w := newWorld(t)
	b := w.browse("en")
	b.signIn(w.code)
	b.goes("/people")
	b.Presses("Invite somebody")
	b.Until("location.pathname === '/people/new'")
	b.Types("name", "bob")
	b.picks("editor")
	b.Presses("Invite")
	b.Sees("shown once")
	link, err := url.Parse(browsertest.Eval[string](b.Browser, "document.getElementById('link').textContent"))
	w.fine(err)
	b.Presses("I have it")
	b.Sees("Invited")
	b.leaves()

	b.signIn(link.Fragment)
	b.Sees("New site") // an editor's
	if browsertest.Eval[bool](b.Browser, `!!document.querySelector("a[href='/people']")`) {
		t.Error("an editor is led to the administrators")
	}
	b.leaves()

	b.comes("owner")
	b.goes("/people")
	b.Presses("bob")
	b.Sees("Active")
	b.picks("viewer")
	b.Presses("Save")
	b.Sees("Saved.")
	if p := w.called("bob"); p.Role != access.Viewer {
		t.Errorf("got %+v", p)
	}
	b.Presses("Remove…")
	b.Sees("This can't be undone.")
	b.Presses("Remove for ever")
	b.Until("location.pathname === '/people'")
	if p := w.called("bob"); p.ID != "" {
		t.Errorf("bob is still there: %+v", p)
	}
}

// goes follows a link of the frame around the page.
func (b browser) goes(path string) {
	b.T.Helper()
	b.Do("going to "+path, chromedp.Click(fmt.Sprintf(`header a[href="%s"]`, path)))
	b.Until(fmt.Sprintf("location.pathname === %q", path))
}

// picks a role.
func (b browser) picks(role string) {
	b.T.Helper()
	b.Do("picking "+role, chromedp.Click(fmt.Sprintf(`input[name=role][value="%s"]`, role)))
}

// leaves signs out.
func (b browser) leaves() {
	b.T.Helper()
	b.Do("signing out", chromedp.Click(`form[action="/sign-out"] button`))
	b.Until("location.pathname === '/sign-in'")
}

// comes signs in by name and password.
func (b browser) comes(name string) {
	b.T.Helper()
	b.Types("person", name)
	b.Types("password", password)
	b.Presses("Sign in")
	b.Until("location.pathname !== '/sign-in'")
}

// passkeys gives the world's managers the browser's host name, and the browser an
// authenticator whose user is always there.
func (w *world) passkeys(b browser) {
	w.t.Helper()
	b.Base = strings.Replace(b.Base, "127.0.0.1", "localhost", 1)
	party, err := passkey.New("localhost", b.Base)
	w.fine(err)
	w.api.SignIn.Passkeys, w.Passkeys = party, party.Name()
	b.Do("opening", chromedp.Navigate(b.Base+"/sign-in"))
	_, err = chromedp.Call(b.Ctx, webauthn.Enable, webauthn.EnableParams{})
	w.fine(err)
	_, err = chromedp.Call(b.Ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
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
	b.Types("name", "laptop")
	b.Presses("Add a passkey")
	b.Sees("Saved.")
	b.Sees("Last used: never")
	b.leaves()

	b.Presses("Sign in with a passkey")
	b.Until("location.pathname === '/sites'")
	w.later(access.ConfirmLife)
	b.goes("/account")
	b.Sees("You signed in more than five minutes ago.")
	b.Presses("Use a passkey instead")
	b.Sees("Change the password")

	w.later(2 * access.ConfirmLife)
	b.Open("/sites/" + s.ID + "/unassign")
	b.Types("typed", string(s.Secondary.Serial))
	b.Presses("Use a passkey instead")
	b.Sees("You have shown that it is you.")
	b.Presses("Unassign for ever")
	b.Sees("Saved.")

	b.goes("/account")
	b.Do("removing the passkey", chromedp.Click(`form[action="/account/end-passkey"] button`))
	b.Sees("Saved.")
	b.leaves()
	b.Presses("Sign in with a passkey") // the device has it, the manager not any more
	b.Sees("That didn't work.")
	b.Sees("the passkey isn't known here")
}

// The pages of people, tokens and PoPs as they are when there are some, and those that
// ask one to show that it is oneself: axe finds nothing wrong with any.
func TestBrowserPeoplePages(t *testing.T) {
	browsertest.Need(t)
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.person("camille", access.Editor)
	w.another().signedIn(w.person("bob", access.Auditor))
	_, err := w.Access.SetPerson(t.Context(), w.ours, w.called("camille").ID, access.Viewer, true)
	w.fine(err)
	w.person("dominique", access.Viewer)
	pop, err := w.Inventory.AddPoP(t.Context(), w.ours, "paris-1", inventory.Change{})
	w.fine(err)
	b := w.browse("en")
	w.passkeys(b)
	b.Looks("/sign-in", "manager-light-en-sign-in-passkey", nil)
	b.signIn(w.code)
	b.Open("/account")
	b.Types("name", "laptop")
	b.Presses("Add a passkey")
	b.Sees("Saved.")
	me, err := w.Access.BySession(t.Context(), b.session())
	w.fine(err)
	for _, name := range []string{"terraform", "grafana"} {
		_, _, err = w.Access.NewToken(t.Context(), me, name, []access.Action{access.SiteRead, access.AuditRead}, 0, "")
		w.fine(err)
	}
	_, _, err = w.Access.Login(t.Context(), "owner", password, "192.0.2.77", "")
	w.fine(err)
	b.Looks("/account", "manager-light-en-account-unlocked", nil)
	w.later(access.ConfirmLife)
	bob := "/people/" + w.called("bob").ID
	pages := map[string]string{"/people": "people-some", bob: "person", bob + "/remove": "person-remove", "/account": "account-locked", "/account/tokens": "tokens-some",
		"/settings/pops": "pops-some", "/settings/pops/" + pop.ID + "/remove": "pop-remove", "/sites/" + s.ID + "/unassign": "unassign-locked"}
	b.EachLook(func(look string) {
		for path, name := range pages {
			b.Looks(path, "manager-"+look+"-"+name, nil)
		}
	})
}

// session is the secret of the browser's.
func (b browser) session() string {
	b.T.Helper()
	got, err := chromedp.Call(b.Ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		b.T.Fatal(err)
	}
	for _, c := range got.Cookies {
		if c.Name == api.CookieName {
			return c.Value
		}
	}
	b.T.Fatal("the browser has no session")
	return ""
}
