package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/oidc"
)

// Where a browser begins to sign in at the provider, and where it comes back to.
// These two answer a browser that a person looks at, not a program.
const (
	startPath    = "/auth/oidc"
	CallbackPath = "/auth/oidc/callback"
)

// flowCookie holds a sign-in from its start to its end, in the browser that began
// it. It is lax, as the browser comes back from another site.
const flowCookie = "__Host-releve-oidc"

// flowLife is how long somebody may take at the provider.
const flowLife = 10 * time.Minute

// flow is a sign-in that a browser has begun: what for.
type flow struct {
	Begun   oidc.Begun
	Return  string   `json:",omitempty"` // the page to end at
	Confirm string   `json:",omitempty"` // whose session is to be confirmed
	Program *program `json:",omitempty"`
}

// program waits on the person's machine for the browser (RFC 8252, 7.3).
type program struct{ Callback, Challenge, State string }

func (a *API) startOIDC(w http.ResponseWriter, r *http.Request) {
	f, err := a.wanted(r)
	var address string
	if err == nil {
		address, f.Begun, err = a.SignIn.Provider.Begin(r.Context(), f.Confirm != "")
	}
	var sealed string
	if err == nil {
		sealed, err = a.SignIn.Box.Seal("oidc", f, flowLife)
	}
	if err != nil {
		a.stop(w, r, f, err)
		return
	}
	setFlow(w, sealed, int(flowLife.Seconds()))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// wanted reads what a sign-in is for.
func (a *API) wanted(r *http.Request) (flow, error) {
	q := r.URL.Query()
	f := flow{Return: q.Get("return")}
	if f.Return == "" {
		f.Return = "/"
	}
	malformed := func(detail string) error {
		return newProblem(http.StatusBadRequest, kinds[http.StatusBadRequest], detail)
	}
	if a.SignIn.Provider == nil {
		return f, noProvider
	}
	if q.Has("callback") {
		p := program{q.Get("callback"), q.Get("challenge"), q.Get("state")}
		if !p.fair() {
			return f, malformed("the callback isn't http://127.0.0.1:PORT/ with a challenge (S256) and a state")
		}
		f.Program = &p
	}
	if !ourPage(f.Return) {
		return f, malformed("the page to return to isn't one of this manager")
	}
	if q.Get("confirm") != "" {
		c := callerOf(r.Context())
		if c.who == nil {
			return f, c.refused
		}
		f.Confirm = c.who.Person
	}
	return f, nil
}

// fair reports whether a program waits on the machine that the browser is on:
// nobody else gets the code then.
func (p program) fair() bool {
	u, err := url.Parse(p.Callback)
	if err != nil || u.Scheme != "http" || u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Port() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	const base64URL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return ip != nil && ip.IsLoopback() && len(p.Challenge) == 43 && strings.Trim(p.Challenge, base64URL) == "" &&
		p.State != "" && len(p.State) <= 100
}

// ourPage reports whether a path is of this host, for each browser.
func ourPage(path string) bool {
	u, err := url.Parse(path)
	return err == nil && u.Scheme == "" && u.Host == "" && len(path) <= 500 && strings.HasPrefix(path, "/") &&
		!strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n\t")
}

func setFlow(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: flowCookie, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (a *API) finishOIDC(w http.ResponseWriter, r *http.Request) {
	f, err := a.finish(w, r)
	if err != nil {
		a.stop(w, r, f, err)
	}
}

// finish takes the browser that comes back from the provider to what its sign-in
// was for.
func (a *API) finish(w http.ResponseWriter, r *http.Request) (f flow, err error) {
	ctx, c := r.Context(), callerOf(r.Context())
	if a.SignIn.Provider == nil {
		return f, noProvider
	}
	cookie, err := r.Cookie(flowCookie)
	if err != nil {
		return f, access.ErrUsed
	}
	setFlow(w, "", -1)
	opened, err := a.SignIn.Box.Open("oidc", cookie.Value, &f)
	if err != nil {
		return flow{}, access.ErrUsed
	}
	if err := a.Access.Try(c.from); err != nil {
		return f, err
	}
	claims, err := a.SignIn.Provider.Finish(ctx, f.Begun, oidc.ReadAnswer(r.URL.Query()))
	var refused *oidc.Refused
	switch {
	case errors.As(err, &refused):
		who := access.Outside{Issuer: a.SignIn.Provider.Issuer(), Account: a.SignIn.Account}
		return f, a.Access.RefuseProvider(ctx, who, refused.Reason, c.from, c.request)
	case err != nil:
		return f, err
	}
	if err := a.Access.Spend(ctx, opened.ID, opened.Until); err != nil {
		return f, err
	}
	return f, a.end(w, r, f, access.Outside{Issuer: claims.Issuer, Subject: claims.Subject, Name: claims.Name, Role: access.Role(claims.Role),
		Account: a.SignIn.Account, Authenticated: claims.Authenticated})
}

// end does what the sign-in was for.
func (a *API) end(w http.ResponseWriter, r *http.Request, f flow, o access.Outside) error {
	ctx, c := r.Context(), callerOf(r.Context())
	switch {
	case f.Confirm != "":
		if c.who == nil || c.who.Person != f.Confirm {
			return access.ErrUsed
		}
		if err := a.Access.ConfirmOutside(ctx, c.who, o, c.from, c.request); err != nil {
			return err
		}
	case f.Program != nil:
		who, err := a.Access.VouchedFor(ctx, o, c.from, c.request)
		if err != nil {
			return err
		}
		code, err := a.SignIn.Box.Seal("program", vouched{who.Account, who.Person, f.Program.Challenge, o.Authenticated}, programLife)
		if err != nil {
			return err
		}
		f.Program.back(w, r, "code", code)
		return nil
	default:
		secret, _, err := a.Access.LoginOutside(ctx, o, c.from, c.request)
		if err != nil {
			return err
		}
		w.Header().Add("Set-Cookie", SessionCookie(secret, int(access.SessionLife.Seconds())))
	}
	http.Redirect(w, r, f.Return, http.StatusSeeOther)
	return nil
}

// back sends the browser to the program that waits for it.
func (p *program) back(w http.ResponseWriter, r *http.Request, name, value string) {
	http.Redirect(w, r, p.Callback+"?"+url.Values{name: {value}, "state": {p.State}}.Encode(), http.StatusSeeOther)
}

// stop tells a person, or the program that waits, why there is no session.
func (a *API) stop(w http.ResponseWriter, r *http.Request, f flow, err error) {
	p := a.problem(r.Context(), a.unreachable(r.Context(), err))
	text := p.Detail
	if p.Remedy != "" {
		text += "\nhint: " + p.Remedy
	}
	if f.Program != nil {
		f.Program.back(w, r, "error", text)
		return
	}
	plain(w, p.Status, text)
}

// unreachable shows a provider that can't be asked as what it is: not the
// manager's failure, and nothing that a stranger is told much of.
func (a *API) unreachable(ctx context.Context, err error) error {
	var p *problem
	var limited *access.Limited
	var refusal *inventory.Refusal
	if errors.As(err, &p) || errors.As(err, &limited) || errors.As(err, &refusal) || ctx.Err() != nil {
		return err
	}
	a.Log.Error("a sign-in at the provider failed", slog.String("request", callerOf(ctx).request), slog.Any("reason", err))
	answer := newProblem(http.StatusBadGateway, "provider", "the provider of OpenID Connect can't be asked now")
	answer.Remedy = "sign in with your password; the manager's log tells more: look for request " + callerOf(ctx).request
	return answer
}
