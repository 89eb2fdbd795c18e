package ui

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"releve.dev/releve/manager/access"
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
