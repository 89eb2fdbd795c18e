// Package passage leads a browser to a vSocket's own pages through the vSocket's
// session with the manager, so that nothing has to reach the vSocket from outside.
//
// Each vSocket has an origin of its own: a port of the manager's, from when somebody
// opens it until nobody has used it for a while. Who comes has to be signed in at the
// manager and to have opened it; what they see is the vSocket's, which asks for its own
// password. Of what a vSocket answers, nothing passes that could reach beyond its
// origin: a vSocket in wrong hands gets no hold of the manager or of another vSocket
// (docs/decisions/0011).
package passage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"releve.dev/releve/site"
)

// Service is what a vSocket calls its pages (vsocket/remote).
const Service = "webui"

// Idle is how long a passage outlives its last use: as long as the vSocket's sessions.
const Idle = 10 * time.Minute

// Config is what passages are made of.
type Config struct {
	Ports  []uint16 // a vSocket's each
	Listen func(port uint16) (net.Listener, error)
	TLS    *tls.Config
	Dial   func(ctx context.Context, serial site.Serial, service string) (net.Conn, error)
	// Person is who sends a request, if they may use passages; its errors go to Fail.
	Person func(*http.Request) (string, error)
	Fail   func(w http.ResponseWriter, r *http.Request, err error)
	Idle   time.Duration // 0: the constant
	Log    *slog.Logger
}

// The errors of a passage.
var (
	ErrNone     = errors.New("this manager has no ports for passages")
	ErrTaken    = errors.New("all passages are in use")
	ErrUnopened = errors.New("whoever comes hasn't opened this passage")
	ErrBroken   = errors.New("the vSocket's pages don't answer")
)

// Passages are a manager's.
type Passages struct {
	c Config

	mu     sync.Mutex
	open   map[site.Serial]*way
	closed bool
}

// New makes them; no port is listened on yet.
func New(c Config) *Passages {
	if c.Idle == 0 {
		c.Idle = Idle
	}
	return &Passages{c: c, open: map[site.Serial]*way{}}
}

// Open opens a vSocket's passage for a person, and returns its port. It fails if the
// vSocket isn't there.
func (p *Passages) Open(ctx context.Context, serial site.Serial, person string) (port uint16, err error) {
	there, err := p.c.Dial(ctx, serial, Service)
	if err != nil {
		return 0, err
	}
	_ = there.Close() // nothing was asked
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, net.ErrClosed
	}
	w := p.open[serial]
	if w == nil {
		if w, err = p.begin(serial); err != nil {
			return 0, err
		}
	}
	w.people[person] = true
	w.used = time.Now()
	return w.port, nil
}

// begin listens on the first port that is free. It needs the lock.
func (p *Passages) begin(serial site.Serial) (*way, error) {
	if len(p.c.Ports) == 0 {
		return nil, ErrNone
	}
	used := map[uint16]bool{}
	for _, w := range p.open {
		used[w.port] = true
	}
	var failed error
	for _, port := range p.c.Ports {
		if used[port] {
			continue
		}
		listener, err := p.c.Listen(port)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		w := p.newWay(serial, port)
		p.open[serial] = w
		go w.serve(listener)
		w.timer = time.AfterFunc(p.c.Idle, w.rest)
		p.c.Log.Info("a passage to a vSocket's pages is open", "serial", serial, "port", port)
		return w, nil
	}
	if failed != nil {
		return nil, fmt.Errorf("%w: %w", ErrTaken, failed)
	}
	return nil, ErrTaken
}

// rest ends a way that nobody has used for a while.
func (w *way) rest() {
	w.p.mu.Lock()
	left := w.p.c.Idle - time.Since(w.used)
	if left > 0 {
		w.timer.Reset(left)
	} else {
		delete(w.p.open, w.serial)
	}
	w.p.mu.Unlock()
	if left <= 0 {
		w.close()
		w.p.c.Log.Info("a passage to a vSocket's pages is closed", "serial", w.serial, "port", w.port)
	}
}

// admits says whether a person has opened this way.
func (w *way) admits(person string) bool {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.people[person]
}

func (w *way) touch() {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.used = time.Now()
}

// Close ends all passages.
func (p *Passages) Close() {
	p.mu.Lock()
	open := p.open
	p.open, p.closed = map[site.Serial]*way{}, true
	p.mu.Unlock()
	for _, w := range open {
		w.timer.Stop()
		w.close()
	}
}
