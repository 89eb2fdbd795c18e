package ui

import (
	"net/http"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/manager/ui/words"
	"releve.dev/releve/web/fence"
)

// Cookies of what somebody likes; nothing depends on them.
const (
	langCookie = "__Host-releve-lang"
	lookCookie = "__Host-releve-look"
)

func chosen(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (u *UI) signInRoutes() {
	u.mux.HandleFunc("GET /sign-in", u.open(func(v *visit) error {
		if v.who != nil {
			return v.goTo(fence.Path(v.r.URL.Query().Get("return")))
		}
		return v.signIn(http.StatusOK, pages.Form{}, v.r.URL.Query().Get("return"))
	}))
	u.mux.HandleFunc("POST /sign-in", u.open((*visit).doSignIn))
	u.mux.HandleFunc("GET /welcome", u.open(func(v *visit) error { return v.show(http.StatusOK, pages.Welcome(v.frame, pages.Form{})) }))
	u.mux.HandleFunc("POST /welcome", u.open((*visit).doWelcome))
	u.mux.HandleFunc("POST /sign-out", u.open((*visit).signOut))
	u.mux.HandleFunc("POST /look", u.open((*visit).choose))
}

func (v *visit) signIn(status int, form pages.Form, back string) error {
	return v.show(status, pages.SignIn(v.frame, form, pages.Ways{Provider: v.Provider, Passkeys: v.Passkeys != "", Return: fence.Path(back)}))
}

func (v *visit) doSignIn() error {
	secret, _, err := v.Access.Login(v.ctx(), v.r.PostFormValue("person"), v.r.PostFormValue("password"), v.from, v.request)
	if err != nil {
		r, err := refusalOf(err)
		if err != nil {
			return err
		}
		return v.signIn(statusOf(r), pages.Form{Values: v.r.PostForm, Refusal: r}, v.r.PostForm.Get("return"))
	}
	return v.begun(secret, fence.Path(v.r.PostForm.Get("return")))
}

func (v *visit) begun(secret, path string) error {
	v.w.Header().Add("Set-Cookie", api.SessionCookie(secret, int(access.SessionLife.Seconds())))
	return v.goTo(path)
}

func (v *visit) doWelcome() error {
	secret, _, err := v.Access.Redeem(v.ctx(), v.r.PostFormValue("code"), v.r.PostFormValue("password"), v.from, v.request)
	if err != nil {
		r, err := refusalOf(err)
		if err != nil {
			return err
		}
		return v.show(statusOf(r), pages.Welcome(v.frame, pages.Form{Values: v.r.PostForm, Refusal: r}))
	}
	return v.begun(secret, "/")
}

func (v *visit) signOut() error {
	if v.who != nil {
		if err := v.Access.Logout(v.ctx(), v.who, v.request); err != nil {
			return err
		}
	}
	v.w.Header().Add("Set-Cookie", api.SessionCookie("", -1))
	return v.goTo("/sign-in")
}

// choose keeps the language and the look that somebody likes.
func (v *visit) choose() error {
	keep := func(name, value string) {
		http.SetCookie(v.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 60 * 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	back := fence.Path(v.r.PostFormValue("return"))
	for _, l := range words.Langs {
		if v.r.PostForm.Get("lang") == l.Code {
			keep(langCookie, l.Code)
		}
	}
	if look := v.r.PostForm.Get("look"); look == "light" || look == "dark" {
		keep(lookCookie, look)
	}
	return v.goTo(back)
}
