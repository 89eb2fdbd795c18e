package webui

import (
	"errors"
	"log/slog"
	"net/http"

	"releve.dev/releve/vsocket/webui/pages"
	"releve.dev/releve/vsocket/webui/signin"
	"releve.dev/releve/web/fence"
)

// a year, in seconds.
const year = 365 * 24 * 60 * 60

func (v *visit) signInPage() error {
	if v.secret != "" {
		return v.goTo("/")
	}
	return v.show(http.StatusOK, pages.SignIn(v.frame, "", "/"))
}

func (v *visit) signIn() error {
	back := fence.Path(v.r.PostFormValue("return"))
	secret, err := v.Door.SignIn(v.ctx(), v.from, v.r.PostFormValue("password"))
	if status, known := refusal(err); known {
		v.Log.Warn("refused at the pages' door", slog.String("from", v.from), slog.Any("reason", err))
		return v.show(status, pages.SignIn(v.frame, err.Error(), back))
	}
	if err != nil {
		return err
	}
	v.Log.Info("signed in at the pages", slog.String("from", v.from))
	v.keep("session", secret, 0)
	return v.goTo(back)
}

// refusal is the status of an error that the person can do something about.
func refusal(err error) (status int, known bool) {
	switch {
	case errors.Is(err, signin.ErrWrong):
		return http.StatusForbidden, true
	case errors.Is(err, signin.ErrTooMany):
		return http.StatusTooManyRequests, true
	case errors.Is(err, signin.ErrWeak), errors.Is(err, errDiffer):
		return http.StatusUnprocessableEntity, true
	}
	return 0, false
}

func (v *visit) signOut() error {
	v.Door.SignOut(v.secret)
	v.keep("session", "", -1)
	return v.goTo("/sign-in")
}

var errDiffer = errors.New("the two new passwords differ")

func (v *visit) passwordPage(wrong string) error {
	return v.show(http.StatusOK, pages.Password(v.frame, wrong))
}

func (v *visit) changePassword() error {
	err := errDiffer
	if chosen := v.r.PostFormValue("password"); chosen == v.r.PostFormValue("again") {
		err = v.Door.Change(v.ctx(), v.from, v.r.PostFormValue("present"), chosen)
	}
	if status, known := refusal(err); known {
		return v.show(status, pages.Password(v.frame, err.Error()))
	}
	if err != nil {
		return err
	}
	v.Log.Info("the pages have another password", slog.String("from", v.from))
	v.keep("session", "", -1)
	return v.goTo("/sign-in")
}

// choose keeps the language and the look that somebody likes.
func (v *visit) choose() error {
	back := fence.Path(v.r.PostFormValue("return"))
	for _, l := range pages.Langs {
		if v.r.PostFormValue("lang") == l.Code {
			v.keep("lang", l.Code, year)
		}
	}
	if look := v.r.PostFormValue("look"); look == "light" || look == "dark" {
		v.keep("look", look, year)
	}
	return v.goTo(back)
}
