package ui

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/manager/ui/words"
	"releve.dev/releve/web/fence"
)

// mostForm is more than any form needs.
const mostForm = 64 << 10

// visit is one request of a browser.
type visit struct {
	*UI
	w       http.ResponseWriter
	r       *http.Request
	request string // its id
	from    string // their address
	who     *access.Who
	frame   *pages.Frame
}

func (v *visit) actor() inventory.Actor { return v.who.Actor(v.request) }

func (v *visit) ctx() context.Context { return v.r.Context() }

// Handler is the pages with what stands before them: a request's id, headers, and
// the refusal of what another site's page makes a browser send (docs/security.md).
func (u *UI) Handler() http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		fence.Secure(h)
		h.Set("Cache-Control", "no-store")
		v := u.visit(w, r)
		h.Set("X-Request-Id", v.request)
		defer v.catch()
		if err := protection.Check(r); err != nil {
			v.fail(&inventory.Refusal{Kind: access.Forbidden, Message: "the request comes from a page of another site"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		u.mux.ServeHTTP(w, r)
	})
}

func (u *UI) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{UI: u, w: w, r: r, request: w.Header().Get("X-Request-Id"), from: r.RemoteAddr}
	if v.request == "" {
		v.request = uuid.Must(uuid.NewV7()).String()
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		v.from = host
	}
	v.frame = &pages.Frame{Saved: r.URL.Query().Has("saved")}
	v.frame.Lang, v.frame.Langs = words.Langs.Choose(chosen(r, langCookie), r.Header.Get("Accept-Language")), words.Langs
	v.frame.Look, v.frame.Path, v.frame.Now = "auto", r.URL.RequestURI(), u.Now()
	if r.Method != http.MethodGet { // the page that the form is on
		v.frame.Path = "/"
		if from, err := url.Parse(r.Referer()); err == nil {
			v.frame.Path = fence.Path(from.RequestURI())
		}
	}
	if look := chosen(r, lookCookie); look == "dark" || look == "light" {
		v.frame.Look = look
	}
	return v
}

func (v *visit) catch() {
	p := recover()
	if p == nil {
		return
	}
	if err, is := p.(error); is && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	v.Log.Error("a page's handler panicked", slog.String("request", v.request), slog.Any("reason", p), slog.String("stack", string(debug.Stack())))
	_ = v.show(http.StatusInternalServerError, pages.Failure(v.frame, v.frame.T("failure.internal"), v.frame.T("failure.log", v.request), ""))
}

// open is a page for anybody.
func (u *UI) open(page func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := u.visit(w, r)
		if cookie, err := r.Cookie(api.CookieName); err == nil {
			who, err := u.Access.BySession(r.Context(), cookie.Value)
			if kind := kindOf(err); err != nil && kind != access.Unauthenticated {
				v.fail(err)
				return
			}
			v.who, v.frame.Who = who, who
		}
		if err := page(v); err != nil {
			v.fail(err)
		}
	}
}

// whoever is the action of pages for everybody who has signed in.
const whoever access.Action = ""

// page is one for who may do an action. Who isn't known is asked to sign in, and
// comes back.
func (u *UI) page(action access.Action, page func(*visit) error) http.HandlerFunc {
	return u.open(func(v *visit) error {
		if v.who == nil {
			back := v.frame.Path
			if v.r.Method != http.MethodGet {
				back = "/"
			}
			return v.goTo("/sign-in?" + url.Values{"return": {back}}.Encode())
		}
		if action != whoever && !v.who.May(action) {
			return u.Access.Refuse(v.ctx(), v.who, action, v.r.Method+" "+v.r.Pattern, v.from, v.request)
		}
		return page(v)
	})
}

func kindOf(err error) inventory.Kind {
	var refusal *inventory.Refusal
	if errors.As(err, &refusal) {
		return refusal.Kind
	}
	return ""
}

func (v *visit) goTo(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// show sends a page, or what isn't to be shown half.
func (v *visit) show(status int, c templ.Component) error {
	var text bytes.Buffer
	if err := c.Render(v.ctx(), &text); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(text.Bytes())
	return nil
}

// statuses has the HTTP status of refusals; others are of a state that doesn't allow
// it: 409.
var statuses = map[inventory.Kind]int{
	inventory.Invalid: http.StatusUnprocessableEntity, inventory.Absent: http.StatusNotFound,
	access.Unauthenticated: http.StatusUnauthorized, access.Forbidden: http.StatusForbidden, access.Unconfirmed: http.StatusForbidden,
}

func statusOf(r *inventory.Refusal) int {
	if status, special := statuses[r.Kind]; special {
		return status
	}
	return http.StatusConflict
}

// refusalOf is what a person is told; an error that is no refusal stays one.
func refusalOf(err error) (*inventory.Refusal, error) {
	var refusal *inventory.Refusal
	var limited *access.Limited
	switch {
	case errors.As(err, &limited):
		return &inventory.Refusal{Kind: "too-many", Message: limited.Error()}, nil
	case errors.As(err, &refusal):
		return refusal, nil
	}
	return nil, err
}

// fail shows why there is no such page.
func (v *visit) fail(err error) {
	r, err := refusalOf(err)
	if err != nil {
		if v.ctx().Err() != nil {
			return // they have gone
		}
		v.Log.Error("a page failed", slog.String("request", v.request), slog.Any("reason", err))
		_ = v.show(http.StatusInternalServerError, pages.Failure(v.frame, v.frame.T("failure.internal"), v.frame.T("failure.log", v.request), ""))
		return
	}
	title := v.frame.T("failure.refused")
	switch r.Kind {
	case inventory.Absent:
		title = v.frame.T("failure.absent")
	case access.Forbidden:
		title = v.frame.T("failure.forbidden")
	}
	_ = v.show(statusOf(r), pages.Failure(v.frame, title, r.Message, r.Remedy))
}
