package line

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

// Send says something in the present session.
type Send func(*channel.Up) error

// Turn has do called as soon as the present session may say something, beside what it
// is asked for; false: the session is over.
type Turn func(do func(Send) error) bool

// Device is whose line it is. Its methods, and what it gives to Turn, are called one
// at a time, and don't wait for the manager.
type Device interface {
	// Begin is called before each try. ctx ends with the session.
	Begin(ctx context.Context, turn Turn) *channel.Hello
	// Tell says what is new. It is called when a session has begun, and after each Poke.
	Tell(Send) error
	// Beat is called with each heartbeat, for what nobody pokes for.
	Beat(Send) error
	// Hear takes what isn't the line's own business, and passes over what it doesn't
	// know. An error ends the session.
	Hear(*channel.Down, Send) error
	// Over is called after each try, with the reason.
	Over(error)
}

// Config is what a Line works with.
type Config struct {
	Manager string // host:port
	Folder  disk.Folder
	Device  Device
	Log     *slog.Logger
	Dial    Dial
	Retry   time.Duration // the longest bound of the time between two tries; 0: a minute
	Most    int           // bytes of a message from the manager; 0: channel.MaxMessage
}

// Line holds a session with the manager. One that ends is resumed by another, after
// a time drawn at random (full jitter), so that many devices don't come back at once.
type Line struct {
	c       Config
	tickets tls.ClientSessionCache
	poke    chan struct{}
	turns   chan func(Send) error

	mu       sync.Mutex
	identity *Identity
	state    State
}

// State is how the line is.
type State struct {
	Serial    site.Serial
	Connected bool
	Since     time.Time // when it became so
	Problem   string    // why it isn't connected
	Refused   channel.Refusal_Reason
	NotAfter  time.Time // of the certificate
}

// Open reads who this device is.
func Open(c Config) (*Line, error) {
	if c.Retry == 0 {
		c.Retry = lastBound
	}
	if c.Most == 0 {
		c.Most = channel.MaxMessage
	}
	identity, err := LoadIdentity(c.Folder)
	if err != nil {
		return nil, err
	}
	return &Line{c: c, identity: identity, tickets: tls.NewLRUClientSessionCache(1), poke: make(chan struct{}, 1),
		turns: make(chan func(Send) error), state: State{Since: time.Now()}}, nil
}

// State tells how the line is.
func (l *Line) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Serial, s.NotAfter = l.identity.Serial, l.identity.NotAfter
	return s
}

// Poke makes the device tell what is new. It doesn't block.
func (l *Line) Poke() {
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// How long until the next try: drawn between 0 and a bound that doubles.
const (
	firstBound = time.Second
	lastBound  = time.Minute // unless Config says otherwise
	steady     = time.Minute // a session of that length makes the bound small again
	hopeless   = time.Hour   // the bound after a refusal that only a person can end
)

// Run holds a session with the manager until ctx ends.
func (l *Line) Run(ctx context.Context) error {
	bound := firstBound
	for ctx.Err() == nil {
		began := time.Now()
		wait, err := l.session(ctx)
		if time.Since(began) >= steady {
			bound = firstBound
		}
		if wait == 0 {
			wait, bound = l.bound(bound, err), min(2*bound, l.c.Retry)
		}
		l.lost(err)
		timer := time.NewTimer(rand.N(wait))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return ctx.Err()
}

func (l *Line) bound(bound time.Duration, err error) time.Duration {
	switch channel.ReasonOf(err) {
	case channel.Refusal_VOID, channel.Refusal_UNKNOWN, channel.Refusal_UNIDENTIFIED:
		return hopeless
	case channel.Refusal_CLONE:
		return l.c.Retry
	}
	return bound
}

func (l *Line) lost(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	problem := fmt.Sprint(err)
	if (l.state.Connected || l.state.Problem != problem) && !errors.Is(err, context.Canceled) {
		l.c.Log.Warn("no session with the manager", "manager", l.c.Manager, "error", err)
	}
	if l.state.Connected {
		l.state.Since = time.Now()
	}
	l.state.Connected, l.state.Problem, l.state.Refused = false, problem, channel.ReasonOf(err)
}

func (l *Line) found() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Connected, l.state.Since, l.state.Problem, l.state.Refused = true, time.Now(), "", 0
	l.c.Log.Info("session with the manager", "manager", l.c.Manager)
}
