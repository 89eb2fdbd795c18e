package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// maxBody is ARM's own limit of a request's body.
const maxBody = 4 << 20

// Handler serves ARM, OAuth, the cloud's metadata and the side API.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata/endpoints", s.serveEndpoints)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.serveOpenID)
	mux.HandleFunc("GET /{tenant}/.well-known/openid-configuration", s.serveOpenID)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.serveToken)
	mux.HandleFunc("POST /{tenant}/oauth2/token", s.serveToken)
	side := s.sideAPI()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if account, found := blobAccount(r.Host); found {
			s.serveBlob(w, r, account)
			return
		}
		if arm := strings.ToLower(r.URL.Path); strings.HasPrefix(arm, "/subscriptions") || strings.HasPrefix(arm, "/providers/") || arm == "/tenants" {
			s.serveARM(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/_emulator/") {
			side.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func base(r *http.Request) string {
	if r.TLS == nil {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

func (s *Server) serveARM(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeError(w, http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The request content size exceeds the maximum size of 4 MB.")
		return
	}
	c := &Call{At: Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, IfMatch: r.Header.Get("If-Match")}
	token, tokenErr := s.tokens.check(r.Header.Get("Authorization"))
	if tokenErr == nil {
		tokenErr = checkAudience(token.Audience, base(r))
	}
	if tokenErr == nil {
		tokenErr = s.foreign(token)
	}
	principal := token.principal()
	if tokenErr != nil {
		principal = store.Principal{}
	}
	c.Who = principal.Client
	if c.Who == "" {
		c.Who = principal.Name
	}
	s.arrive(c)
	defer s.endCall(c)
	s.hook(Arrived, c)
	if tokenErr != nil {
		s.refuseToken(w, r, c, tokenErr)
		return
	}
	var answer store.Response
	s.locked(func(now time.Duration) {
		answer = s.store.Handle(now, store.Request{
			Method: r.Method, Path: r.URL.RequestURI(), IfMatch: c.IfMatch, IfNoneMatch: r.Header.Get("If-None-Match"),
			Body: body, Principal: principal, Base: base(r), Correlation: r.Header.Get("x-ms-correlation-request-id"),
		})
	})
	if answer.Silent {
		s.hook(Silenced, c)
		s.hang(r, answer.FaultID)
	}
	if answer.Status == 0 { // the server is closed
		panic(http.ErrAbortHandler)
	}
	c.Status, c.Code, c.ETag, c.Lost = answer.Status, answer.Code, answer.ETag, answer.Lost
	s.hook(Decided, c)
	if !wait(r, answer.Delay) || answer.Lost {
		c.Lost = true
		panic(http.ErrAbortHandler)
	}
	s.send(w, c, answer)
}

// endCall closes the call's entry, also when the connection was dropped.
func (s *Server) endCall(c *Call) {
	if !c.Done {
		c.Done, c.Duration = true, Now()-c.At
	}
	s.note(c)
}

// hang waits until the fault is over or the caller has gone, then drops the
// connection: the request never had an answer or an effect.
func (s *Server) hang(r *http.Request, fault int) {
	for {
		s.mu.Lock()
		over := s.closed || !s.store.FaultOn(fault)
		healed := s.healed
		s.mu.Unlock()
		if over {
			panic(http.ErrAbortHandler)
		}
		select {
		case <-healed:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// wait is the answer's latency; false if the caller has gone meanwhile.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s *Server) send(w http.ResponseWriter, c *Call, answer store.Response) {
	for _, h := range answer.Header {
		w.Header()[http.CanonicalHeaderKey(h.Name)] = append(w.Header()[http.CanonicalHeaderKey(h.Name)], h.Value)
	}
	if answer.Status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	}
	w.WriteHeader(answer.Status)
	_, err := w.Write(answer.Body)
	if flushErr := http.NewResponseController(w).Flush(); err == nil {
		err = flushErr
	}
	c.Done, c.Duration, c.Lost = true, Now()-c.At, err != nil && !errors.Is(err, http.ErrBodyNotAllowed)
	s.note(c)
	s.hook(Sent, c)
}

// refuseToken is ARM's 401.
func (s *Server) refuseToken(w http.ResponseWriter, r *http.Request, c *Call, err error) {
	code := "InvalidAuthenticationToken"
	switch {
	case r.Header.Get("Authorization") == "":
		code, err = "AuthenticationFailed", errors.New("authentication failed: the 'Authorization' header is missing")
	case errors.Is(err, errExpired):
		code = "ExpiredAuthenticationToken"
	case errors.As(err, new(wrongTenant)):
		code = "InvalidAuthenticationTokenTenant"
	case errors.Is(err, errAudience):
		code = "InvalidAuthenticationTokenAudience"
	}
	c.Status, c.Code = http.StatusUnauthorized, code
	s.hook(Decided, c)
	answer := store.Response{Status: c.Status, Code: code, Body: errorBody(code, sentence(err))}
	answer.Header = []store.Header{
		{Name: "Content-Type", Value: "application/json; charset=utf-8"},
		{Name: "WWW-Authenticate", Value: `Bearer authorization_uri="` + base(r) + "/" + s.store.Tenant() + `", error="invalid_token", error_description="` + sentence(err) + `"`},
	}
	s.send(w, c, answer)
}

var errAudience = errors.New("the access token has been obtained for a wrong audience or resource")

// checkAudience: a token is for ARM under one of Azure's names, or under the
// name by which the caller reached it.
func checkAudience(audience, base string) error {
	switch strings.TrimSuffix(audience, "/") {
	case "https://management.azure.com", "https://management.core.windows.net", base:
		return nil
	}
	return errAudience
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func errorBody(code, message string) []byte {
	body, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	if err != nil {
		panic(err)
	}
	return body
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(errorBody(code, message))
}
