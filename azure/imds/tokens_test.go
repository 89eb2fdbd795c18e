package imds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// service answers in memory, so that a bubble's clock runs through it.
type service struct {
	mu     sync.Mutex
	start  time.Time
	asked  []time.Duration // since start
	answer func(n int) (status int, body string)
}

// times are when it was asked.
func (s *service) times() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Since(s.start).Round(time.Millisecond))
	status, body := s.answer(len(s.asked))
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// run starts a source on a service; the bubble ends it.
func run(t *testing.T, answer func(n int) (int, string)) (*Tokens, *service) {
	s := &service{start: time.Now(), answer: answer}
	tokens := NewTokens(&Client{config: Config{Base: DefaultBase}, http: &http.Client{Transport: s}})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go tokens.Run(ctx)
	return tokens, s
}

func good(n int) (int, string) {
	return 200, fmt.Sprintf(`{"access_token":"token %d","expires_in":"3600"}`, n)
}

// A token is replaced at half of its life, long before it is needed.
func TestFetchedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, s := run(t, good)
		synctest.Wait()
		before := time.Now()
		token, expires, err := tokens.Token(t.Context())
		if token != "token 1" || err != nil || expires.Sub(before) != time.Hour || time.Now() != before {
			t.Errorf("token %q until %s, %v", token, expires, err)
		}
		advance(31 * time.Minute)
		if token, _, _ := tokens.Token(t.Context()); token != "token 2" {
			t.Errorf("at half life: %q", token)
		}
		if fmt.Sprint(s.times()) != "[0s 30m0s]" {
			t.Errorf("asked at %v", s.times())
		}
	})
}

// advance lets the bubble's clock run.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// While IMDS fails, the old token is given as long as it is valid, and IMDS
// is asked ever less often.
func TestFailureBehindAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, s := run(t, func(n int) (int, string) {
			if n == 1 {
				return good(n)
			}
			return 500, ""
		})
		advance(59 * time.Minute)
		if token, _, err := tokens.Token(t.Context()); token != "token 1" || err != nil {
			t.Errorf("token %q, %v", token, err)
		}
		if !errors.Is(tokens.Err(), ErrBusy) {
			t.Errorf("last fetch: %v", tokens.Err())
		}
		if got, want := fmt.Sprint(s.times()[1:8]), "[30m0s 30m1s 30m3s 30m7s 30m15s 30m31s 31m1s]"; got != want {
			t.Errorf("asked at %s, want %s", got, want)
		}
		advance(2 * time.Minute)
		if token, _, err := tokens.Token(t.Context()); token != "" || !errors.Is(err, ErrBusy) {
			t.Errorf("after it expired: %q, %v", token, err)
		}
	})
}

// Without a token the caller waits for one fetch, hears its error, and IMDS is
// asked once a second however many wait.
func TestMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		tokens, s := run(t, func(n int) (int, string) {
			if fails {
				return 0, ""
			}
			return good(n)
		})
		advance(5 * time.Second) // next fetch at 7 s
		for range 10 {
			if _, _, err := tokens.Token(t.Context()); !errors.Is(err, ErrUnreachable) {
				t.Errorf("error %v", err)
			}
		}
		for i := range s.times()[1:] {
			if gap := s.times()[i+1] - s.times()[i]; gap < time.Second {
				t.Errorf("asked again after %s", gap)
			}
		}
		fails = false
		before := time.Now()
		token, _, err := tokens.Token(t.Context())
		if token == "" || err != nil || time.Since(before) > time.Second {
			t.Errorf("back again: %q, %v after %s", token, err, time.Since(before))
		}
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := NewTokens(nil) // nobody runs it
		before := time.Now()
		if _, _, err := tokens.Token(t.Context()); err == nil || time.Since(before) != patience {
			t.Errorf("error %v after %s", err, time.Since(before))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		before = time.Now()
		if _, _, err := tokens.Token(ctx); err == nil || time.Since(before) != time.Millisecond {
			t.Errorf("error %v after %s", err, time.Since(before))
		}
	})
}

// A refused token is replaced without waiting for its half life; one that has
// been replaced already is no reason to ask.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, s := run(t, good)
		advance(time.Minute)
		tokens.Refused("token 1")
		advance(time.Second)
		if token, _, _ := tokens.Token(t.Context()); token != "token 2" {
			t.Errorf("token %q", token)
		}
		tokens.Refused("token 1")
		advance(time.Minute)
		if len(s.times()) != 2 {
			t.Errorf("asked at %v", s.times())
		}
	})
}
