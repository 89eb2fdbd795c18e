package ui

import (
	"net/http"

	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/ui/pages"
)

func (u *UI) accountRoutes() {
	u.mux.HandleFunc("GET /account", u.page(whoever, func(v *visit) error { return v.account(http.StatusOK, pages.Form{}) }))
	u.mux.HandleFunc("POST /account/confirm", u.page(whoever, changing((*visit).confirmed)))
	u.mux.HandleFunc("POST /account/password", u.page(whoever, (*visit).setPassword))
	u.mux.HandleFunc("POST /account/end-passkey", u.page(whoever, changing(func(v *visit) error {
		return v.Access.DeletePasskey(v.ctx(), v.who, v.r.PostFormValue("passkey"), v.request)
	})))
	u.mux.HandleFunc("POST /account/end-session", u.page(whoever, changing(func(v *visit) error {
		return v.Access.EndSession(v.ctx(), v.who, v.r.PostFormValue("session"), v.request)
	})))
	u.mux.HandleFunc("POST /account/end-others", u.page(whoever, changing(func(v *visit) error {
		return v.Access.EndOtherSessions(v.ctx(), v.who, v.request)
	})))
}

// account is how one signs in, and where one has (E11).
func (v *visit) account(status int, form pages.Form) error {
	confirm, err := v.confirm("/account")
	if err != nil {
		return err
	}
	keys, err := v.Access.Passkeys(v.ctx(), v.who)
	if err != nil {
		return err
	}
	sessions, err := v.Access.Sessions(v.ctx(), v.who)
	if err != nil {
		return err
	}
	return v.show(status, pages.Account(v.frame, pages.Own{Passkeys: keys, Sessions: sessions, Host: v.Passkeys}, confirm, form))
}

// changing is a change of what the account's page shows, which that shows too if the
// change is refused.
func changing(change func(*visit) error) func(*visit) error {
	return func(v *visit) error {
		form, failed := v.form(change(v))
		switch {
		case failed != nil:
			return failed
		case form.Refusal != nil:
			return v.account(statusOf(form.Refusal), form)
		}
		return v.goTo("/account?saved")
	}
}

// setPassword ends all sessions; this browser gets a new one.
func (v *visit) setPassword() error {
	password := v.r.PostFormValue("password")
	form, failed := v.form(v.Access.SetPassword(v.ctx(), v.who, password, v.request))
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.account(statusOf(form.Refusal), form)
	}
	secret, _, err := v.Access.Login(v.ctx(), v.who.Name, password, v.from, v.request)
	if err != nil {
		v.w.Header().Add("Set-Cookie", api.SessionCookie("", -1))
		return v.goTo("/sign-in")
	}
	return v.begun(secret, "/account?saved")
}
