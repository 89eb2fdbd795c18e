package ui

import (
	"net/http"
	"strconv"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
)

func (u *UI) tokenRoutes() {
	manage := access.TokenManage
	u.mux.HandleFunc("GET /account/tokens", u.page(manage, func(v *visit) error { return v.tokens(http.StatusOK, pages.Form{}) }))
	u.mux.HandleFunc("POST /account/tokens", u.page(manage, (*visit).makeToken))
	u.mux.HandleFunc("POST /account/tokens/{token}/revoke", u.page(manage, (*visit).revokeToken))
}

func (v *visit) tokens(status int, form pages.Form) error {
	list, err := v.Access.Tokens(v.ctx(), v.who)
	if err != nil {
		return err
	}
	return v.show(status, pages.Tokens(v.frame, list, form))
}

// makeToken makes one, and shows its secret once.
func (v *visit) makeToken() error {
	made, secret, err := v.newToken()
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.tokens(statusOf(form.Refusal), form)
	}
	return v.show(http.StatusOK, pages.TokenSecret(v.frame, made, secret))
}

func (v *visit) newToken() (access.Token, string, error) {
	days, err := strconv.ParseUint(v.typed("days"), 10, 16)
	if err != nil || days == 0 {
		return access.Token{}, "", &inventory.Refusal{Kind: inventory.Invalid, Field: "days", Message: "this is no number of days"}
	}
	var scopes []access.Action
	for _, s := range v.r.PostForm["scopes"] {
		scopes = append(scopes, access.Action(s))
	}
	return v.Access.NewToken(v.ctx(), v.who, v.typed("name"), scopes, time.Duration(days)*24*time.Hour, v.request)
}

func (v *visit) revokeToken() error {
	if err := v.Access.RevokeToken(v.ctx(), v.who, v.r.PathValue("token"), v.request); err != nil {
		return err
	}
	return v.goTo("/account/tokens?saved")
}
