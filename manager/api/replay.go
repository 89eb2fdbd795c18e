package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// answersKept is how long a request may be sent again.
const answersKept = 24 * time.Hour

// replay gives a request that is sent again the answer it had (the header
// Idempotency-Key of the IETF's httpapi draft). A key is its actor's own. The
// request is noted before it is carried out, and its answer after: when the
// manager dies in between, a second one is told that the outcome isn't known.
func (a *API) replay(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, c := r.Header.Get("Idempotency-Key"), callerOf(r.Context())
		changes := r.Method != http.MethodGet && r.Method != http.MethodHead
		if key == "" || !changes || c.who == nil || strings.HasPrefix(r.URL.Path, Prefix+"/session") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
		if err != nil || len(key) > 200 {
			a.send(w, a.problem(r.Context(), unreadable(err)))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		n := noted{a: a, actor: c.actor(), key: key, request: hashRequest(r, body)}
		if again, err := n.begin(r.Context()); err != nil {
			a.send(w, a.problem(r.Context(), err))
			return
		} else if again != nil {
			again.sendAgain(w)
			return
		}
		answer := &recorder{header: w.Header().Clone()}
		next.ServeHTTP(answer, r)
		n.finish(context.WithoutCancel(r.Context()), answer)
		answer.copyTo(w)
	})
}

func unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return newProblem(http.StatusRequestEntityTooLarge, kinds[http.StatusRequestEntityTooLarge],
			fmt.Sprintf("the body is larger than %d bytes", mostBody))
	}
	return newProblem(http.StatusBadRequest, kinds[http.StatusBadRequest], "the request can't be read, or its Idempotency-Key is longer than 200 characters")
}

// hashRequest is of all that decides what a request does.
func hashRequest(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %q\n", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("If-Match"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// noted is one request with a key.
type noted struct {
	a            *API
	actor        inventory.Actor
	key, request string
}

// kept is the answer that a request had.
type kept struct{ query.Answered }

// begin notes the request, or returns what it was answered the first time.
func (n noted) begin(ctx context.Context) (*kept, error) {
	at := n.a.Now()
	var found *kept
	err := n.a.Store.InTx(ctx, func(q *query.Queries) error {
		found = nil
		if err := q.DeleteOldAnswers(ctx, at.Add(-answersKept).UnixMilli()); err != nil {
			return fmt.Errorf("forgetting old answers: %w", err)
		}
		row, err := q.Answered(ctx, query.AnsweredParams{AccountID: n.actor.Account, Actor: n.actor.ID, Key: n.key})
		switch {
		case err == nil:
			found = &kept{row}
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("looking for an answer: %w", err)
		}
		_, err = q.BeginAnswer(ctx, query.BeginAnswerParams{AccountID: n.actor.Account, Actor: n.actor.ID, Key: n.key,
			Request: n.request, At: at.UnixMilli()})
		if err != nil {
			return fmt.Errorf("noting a request: %w", err)
		}
		return nil
	})
	if err != nil || found == nil {
		return nil, err
	}
	return found, n.usable(found)
}

func (n noted) usable(k *kept) error {
	refuse := func(status int, kind inventory.Kind, detail, remedy string) error {
		p := newProblem(status, kind, detail)
		p.Remedy = remedy
		return p
	}
	switch {
	case k.Request != n.request:
		return refuse(http.StatusUnprocessableEntity, "key-reused", "the Idempotency-Key was another request's",
			"a new request needs a new key")
	case k.Status == 0:
		return refuse(http.StatusConflict, "unfinished", "the first request with this Idempotency-Key has no answer yet",
			"wait; if the manager was restarted meanwhile, look whether the change was made, and use a new key")
	case k.Body == "" && k.Status != http.StatusNoContent:
		return refuse(http.StatusConflict, "secret", "the request was carried out, and its answer had a secret that is shown once",
			"make a new one, with a new key")
	}
	return nil
}

func (k *kept) sendAgain(w http.ResponseWriter) {
	w.Header().Set("Idempotency-Replayed", "true")
	if k.Etag != "" {
		w.Header().Set("ETag", k.Etag)
	}
	contentType := "application/json"
	if k.Status >= 400 {
		contentType = "application/problem+json"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(int(k.Status))
	_, _ = w.Write([]byte(k.Body))
}

// finish keeps the answer, or forgets the request where it may be tried again.
func (n noted) finish(ctx context.Context, answer *recorder) {
	err := n.a.Store.InTx(ctx, func(q *query.Queries) error {
		if again(answer.status) {
			return q.ForgetAnswer(ctx, query.ForgetAnswerParams{AccountID: n.actor.Account, Actor: n.actor.ID, Key: n.key})
		}
		row := query.FinishAnswerParams{AccountID: n.actor.Account, Actor: n.actor.ID, Key: n.key,
			Status: int64(answer.status), Etag: answer.header.Get("ETag")}
		if !callerOf(ctx).secret {
			row.Body = answer.body.String()
		}
		return q.FinishAnswer(ctx, row)
	})
	if err != nil {
		n.a.Log.Error("an answer couldn't be kept", slog.String("request", n.actor.Request), slog.Any("reason", err))
	}
}

// again: the same request may have another answer, and has changed nothing.
func again(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 || status == 499
}

// recorder holds an answer back until it is kept.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) copyTo(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	r.WriteHeader(http.StatusOK)
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes())
}
