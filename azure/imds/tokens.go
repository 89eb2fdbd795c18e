package imds

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	fetchTimeout = 5 * time.Second
	firstPause   = time.Second      // after a failed fetch; doubles
	longestPause = 30 * time.Second // IMDS is back within 70 s after a 410
	patience     = 2 * time.Second  // how long Token waits for a fetch under way
)

// Tokens keeps a token in hand: Run fetches it, and anew at half of its life,
// so that no failover waits for IMDS. IMDS is asked once a second at most.
type Tokens struct {
	client *Client
	kick   chan struct{}

	mu      sync.Mutex
	token   Token
	err     error         // of the last fetch, nil if it worked
	fetched chan struct{} // closed at the end of the next fetch
}

// NewTokens makes a source without a token; Run gets one.
func NewTokens(client *Client) *Tokens {
	return &Tokens{client: client, kick: make(chan struct{}, 1), fetched: make(chan struct{})}
}

// Run fetches tokens until ctx ends.
func (t *Tokens) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		started := time.Now()
		token, err := t.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := pause
		if err == nil {
			pause = firstPause
			wait = max(time.Until(token.Expires)/2, firstPause)
		} else {
			pause = min(2*pause, longestPause)
		}
		if !t.sleep(ctx, started, wait) {
			return
		}
	}
}

// sleep waits, or until a token is missed, but always so long that IMDS isn't
// asked more than once in firstPause.
func (t *Tokens) sleep(ctx context.Context, started time.Time, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-t.kick:
	}
	timer.Reset(min(firstPause-time.Since(started), wait))
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (t *Tokens) fetch(ctx context.Context) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	token, err := t.client.FetchToken(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.token = token
	}
	t.err = err
	close(t.fetched)
	t.fetched = make(chan struct{})
	return token, err
}

// Token returns the token in hand at once. Without one it waits for the next
// fetch, for 2 s at most, and then says why there is none.
func (t *Tokens) Token(ctx context.Context) (string, time.Time, error) {
	token, fetched, _ := t.inHand()
	if token.Value == "" {
		t.fetchSoon()
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-fetched:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	token, _, err := t.inHand()
	if token.Value != "" {
		return token.Value, token.Expires, nil
	}
	if err == nil {
		err = errors.New("the instance metadata service hasn't answered yet")
	}
	return "", time.Time{}, fmt.Errorf("no token for Azure: %w", err)
}

// inHand returns the token if it is valid, the channel that the next fetch
// closes, and what became of the last one.
func (t *Tokens) inHand() (Token, <-chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !time.Now().Before(t.token.Expires) {
		return Token{}, t.fetched, t.err
	}
	return t.token, t.fetched, t.err
}

// Refused tells that Azure didn't accept the token. A new one is fetched;
// until it is there the old one is still given, as a 401 says more than no
// token.
func (t *Tokens) Refused(token string) {
	if inHand, _, _ := t.inHand(); inHand.Value == token {
		t.fetchSoon()
	}
}

func (t *Tokens) fetchSoon() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// Err says why the last fetch failed, or returns nil.
func (t *Tokens) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
