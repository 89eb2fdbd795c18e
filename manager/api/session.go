package api

import (
	"context"
	"net/http"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
)

// begun is an answer that begins a session.
type begun struct {
	Cookie string `header:"Set-Cookie"`
	Body   client.Me
}

func (a *API) registerSession() {
	register(a, operation{id: "login", method: http.MethodPost, path: "/session", tag: "session", open: true,
		summary: "Begin a session", about: "By name and password; the answer sets a cookie."}, a.login)
	register(a, operation{id: "redeem-code", method: http.MethodPost, path: "/session/redeem", tag: "session", open: true,
		summary: "Set a password by a one-time code", about: "Also begins a session."}, a.redeem)
	register(a, operation{id: "confirm-session", method: http.MethodPost, path: "/session/confirm", tag: "session",
		summary: "Give the password once more", about: "For what can't be undone.", status: http.StatusNoContent}, a.confirm)
	register(a, operation{id: "logout", method: http.MethodDelete, path: "/session", tag: "session",
		summary: "End the session", status: http.StatusNoContent}, a.logout)
	register(a, operation{id: "get-me", method: http.MethodGet, path: "/me", tag: "session",
		summary: "Say who I am and what I may do"}, a.me)
	register(a, operation{id: "list-sessions", method: http.MethodGet, path: "/me/sessions", tag: "session", action: access.TokenManage,
		summary: "List my sessions", about: "The newest first."}, a.sessions)
	register(a, operation{id: "end-session", method: http.MethodDelete, path: "/me/sessions/{session}", tag: "session", action: access.TokenManage,
		summary: "End a session of mine", status: http.StatusNoContent}, a.endSession)
	register(a, operation{id: "end-other-sessions", method: http.MethodDelete, path: "/me/sessions", tag: "session", action: access.TokenManage,
		summary: "End my sessions but the one that asks", status: http.StatusNoContent}, a.endOtherSessions)
	register(a, operation{id: "set-password", method: http.MethodPut, path: "/me/password", tag: "session",
		summary: "Change my password", about: "Ends all my sessions.", status: http.StatusNoContent}, a.setPassword)
}

func (a *API) login(ctx context.Context, c *caller, in *struct{ Body client.Login }) (*begun, error) {
	secret, who, err := a.Access.Login(ctx, in.Body.Name, in.Body.Password, c.from, c.request)
	return answerBegun(secret, who, err)
}

func (a *API) redeem(ctx context.Context, c *caller, in *struct{ Body client.Redeem }) (*begun, error) {
	secret, who, err := a.Access.Redeem(ctx, in.Body.Code, in.Body.Password, c.from, c.request)
	return answerBegun(secret, who, err)
}

func answerBegun(secret string, who *access.Who, err error) (*begun, error) {
	if err != nil {
		return nil, err
	}
	return &begun{SessionCookie(secret, int(access.SessionLife.Seconds())), viewMe(who)}, nil
}

// SessionCookie gives a browser its session for so many seconds; less than 0 takes it
// away.
func SessionCookie(value string, age int) string {
	return (&http.Cookie{Name: CookieName, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true,
		SameSite: http.SameSiteLaxMode}).String()
}

func viewMe(w *access.Who) client.Me {
	me := client.Me{Person: w.Person, Name: w.Name, Account: w.Account, Role: string(w.Role), May: []string{}}
	for _, action := range access.Allowed(w.Role) {
		if w.May(action) {
			me.May = append(me.May, string(action))
		}
	}
	return me
}

func (a *API) confirm(ctx context.Context, c *caller, in *struct{ Body client.Password }) (*nothing, error) {
	return nil, a.Access.Confirm(ctx, c.who, in.Body.Password, c.from, c.request)
}

func (a *API) logout(ctx context.Context, c *caller, _ *nothing) (*struct {
	Cookie string `header:"Set-Cookie"`
}, error) {
	if err := a.Access.Logout(ctx, c.who, c.request); err != nil {
		return nil, err
	}
	return &struct {
		Cookie string `header:"Set-Cookie"`
	}{SessionCookie("", -1)}, nil
}

func (a *API) me(_ context.Context, c *caller, _ *nothing) (*struct{ Body client.Me }, error) {
	return &struct{ Body client.Me }{viewMe(c.who)}, nil
}

func (a *API) setPassword(ctx context.Context, c *caller, in *struct{ Body client.Password }) (*nothing, error) {
	return nil, a.Access.SetPassword(ctx, c.who, in.Body.Password, c.request)
}

func viewSession(s access.Session) client.Session {
	return client.Session{ID: s.ID, Began: s.Began, Seen: s.Seen, Expires: s.Expires, Address: s.Address, This: s.This}
}

func (a *API) sessions(ctx context.Context, c *caller, _ *nothing) (*struct{ Body client.Page[client.Session] }, error) {
	found, err := a.Access.Sessions(ctx, c.who)
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[access.Session]{Items: found}, viewSession), nil
}

func (a *API) endSession(ctx context.Context, c *caller, in *struct {
	Session string `path:"session" maxLength:"64"`
}) (*nothing, error) {
	return nil, a.Access.EndSession(ctx, c.who, in.Session, c.request)
}

func (a *API) endOtherSessions(ctx context.Context, c *caller, _ *nothing) (*nothing, error) {
	return nil, a.Access.EndOtherSessions(ctx, c.who, c.request)
}
