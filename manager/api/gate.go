package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
)

// CookieName has the prefix by which a browser takes the cookie from this host
// alone, by TLS, for all paths.
const CookieName = "__Host-releve"

// caller is who sent a request.
type caller struct {
	request string // the request's id
	from    string // their address
	who     *access.Who
	refused error // why there is no who
	secret  bool  // the answer has a secret, and isn't kept
}

type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c
	}
	return &caller{}
}

// actor is for the audit log.
func (c *caller) actor() inventory.Actor { return c.who.Actor(c.request) }

// identify gives a request its id, or keeps a fair one of the client's, and
// answers for a handler that panics.
func (a *API) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &caller{request: r.Header.Get("X-Request-Id"), from: r.RemoteAddr}
		if !fairID(c.request) {
			c.request = uuid.Must(uuid.NewV7()).String()
		}
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			c.from = host
		}
		w.Header().Set("X-Request-Id", c.request)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		ctx := context.WithValue(r.Context(), callerKey{}, c)
		defer func() {
			if p := recover(); p != nil {
				if err, is := p.(error); is && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				a.Log.Error("a request's handler panicked", slog.String("request", c.request), slog.Any("reason", p),
					slog.String("stack", string(debug.Stack())))
				a.send(w, a.problem(ctx, newProblem(http.StatusInternalServerError, kinds[http.StatusInternalServerError], "the manager failed")))
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func fairID(id string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return id != "" && len(id) <= 64 && strings.Trim(id, allowed) == ""
}

// guard refuses what another site's page makes a browser send: a change whose
// Origin isn't this host.
func (a *API) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil {
			a.send(w, a.problem(r.Context(), &inventory.Refusal{Kind: access.Forbidden,
				Message: "the request comes from a page of another site"}))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authenticate finds out who asks. Whether somebody must be known is the
// operation's to say.
func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callerOf(r.Context())
		c.who, c.refused = a.whoAsks(r)
		next.ServeHTTP(w, r)
	})
}

func (a *API) whoAsks(r *http.Request) (*access.Who, error) {
	if given := r.Header.Get("Authorization"); given != "" {
		secret, _ := strings.CutPrefix(given, "Bearer ")
		return a.Access.ByToken(r.Context(), secret)
	}
	if cookie, err := r.Cookie(CookieName); err == nil {
		return a.Access.BySession(r.Context(), cookie.Value)
	}
	return a.Access.ByToken(r.Context(), "") // nobody: its refusal says how to log in
}

// send writes a problem where huma isn't at work.
func (a *API) send(w http.ResponseWriter, p *problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	var text bytes.Buffer
	_ = json.NewEncoder(&text).Encode(p)
	_, _ = w.Write(text.Bytes())
}

// lost answers for what the API hasn't: no such path, no such method.
func (a *API) lost() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := a.mux.Handler(r)
		if pattern != "" {
			a.mux.ServeHTTP(w, r)
			return
		}
		answer := &recorder{header: http.Header{}}
		handler.ServeHTTP(answer, r)
		p := newProblem(http.StatusNotFound, kinds[http.StatusNotFound], "there is nothing at "+r.URL.Path)
		if allow := answer.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			p = newProblem(http.StatusMethodNotAllowed, kinds[http.StatusMethodNotAllowed], r.Method+" isn't for "+r.URL.Path)
		}
		p.Remedy = "GET " + Prefix + "/openapi.json says what there is"
		a.send(w, a.problem(r.Context(), p))
	})
}
