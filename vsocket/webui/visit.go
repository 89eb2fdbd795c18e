package webui

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/a-h/templ"

	"releve.dev/releve/vsocket/webui/pages"
	"releve.dev/releve/web/page"
)

// visit is one request.
type visit struct {
	*UI
	w      http.ResponseWriter
	r      *http.Request
	from   string // where it comes from, for counting attempts
	secret string // of the session; "": nobody has signed in
	frame  *pages.Frame
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// The cookies' names; a browser takes __Host- ones only from the host itself, by TLS.
func (u *UI) cookie(what string) string { return "__Host-releve-" + u.Cookie + "-" + what }

func (u *UI) visit(w http.ResponseWriter, r *http.Request, use bool) *visit {
	v := &visit{UI: u, w: w, r: r, from: sender(r)}
	if cookie, err := r.Cookie(u.cookie("session")); err == nil && u.Door.Session(cookie.Value, use) {
		v.secret = cookie.Value
	}
	path := r.URL.Path
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	look := v.chosen("look")
	if look != "light" && look != "dark" {
		look = "auto"
	}
	v.frame = &pages.Frame{Frame: page.Frame{
		Lang: pages.Langs.Choose(v.chosen("lang"), r.Header.Get("Accept-Language")), Langs: pages.Langs, Look: look, Path: path, Now: u.Now(),
	}, Name: u.Name, Known: v.secret != "", Initial: v.secret != "" && u.Door.Initial()}
	return v
}

func (v *visit) chosen(what string) string {
	cookie, err := v.r.Cookie(v.cookie(what))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// sender is the address that a request comes from; through the manager there is none.
func sender(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "manager"
	}
	return host
}

// open is a page for everybody.
func (u *UI) open(pattern string, page func(*visit) error) {
	u.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v := u.visit(w, r, true)
		v.failed(page(v))
	})
}

// known is a page for who has signed in.
func (u *UI) known(pattern string, page func(*visit) error) {
	u.open(pattern, func(v *visit) error {
		if v.secret != "" {
			return page(v)
		}
		back := v.frame.Path
		if v.r.Method != http.MethodGet {
			back = "/"
		}
		return v.show(http.StatusUnauthorized, pages.SignIn(v.frame, "", back))
	})
}

func (v *visit) failed(err error) {
	if err == nil || v.ctx().Err() != nil {
		return
	}
	v.Log.Error("a page failed", slog.String("path", v.r.URL.Path), slog.Any("error", err))
	if err := v.show(http.StatusInternalServerError, pages.Failure(v.frame, v.frame.T("failure.title"), err.Error())); err != nil {
		v.Log.Error("a page failed", slog.String("path", v.r.URL.Path), slog.Any("error", err))
	}
}

func (v *visit) show(status int, page templ.Component) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(status)
	return page.Render(v.ctx(), v.w)
}

func (v *visit) goTo(path string) error {
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

func (v *visit) absent() error {
	return v.show(http.StatusNotFound, pages.Failure(v.frame, v.frame.T("failure.title"), v.frame.T("failure.absent")))
}

func (v *visit) keep(what, value string, seconds int) {
	http.SetCookie(v.w, &http.Cookie{Name: v.cookie(what), Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}
