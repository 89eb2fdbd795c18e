// Package emulator serves the emulated Azure: ARM over HTTPS, OAuth and cloud
// metadata for its clients, and the instance metadata service of each VM. What
// ARM does is in package store; here are the clock, the connections, the
// tokens and the record of who called what.
//
// # Concurrency
//
// A Server may be used by any number of goroutines. The functions given to
// OnPlane, OnCall and OnMachine are called by the server's own; see there.
package emulator

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

// Options are a server's settings.
type Options struct {
	Store     store.Options
	State     string        // file that outlives the server; "" for none
	TokenLife time.Duration // default 24 h, as managed identities have it
	Secret    string        // of the administrator's application, default DefaultSecret
	Logger    *slog.Logger  // default: nothing is logged
}

// The administrator's application, for OAuth client credentials.
const (
	AdminClientID = "00000000-0000-4000-8000-0000000000ad"
	DefaultSecret = "emulator"
)

// Server is one emulated Azure.
type Server struct {
	opt    Options
	log    *slog.Logger
	tokens *tokens
	ca     *authority

	mu      sync.Mutex
	store   *store.Store
	timer   *time.Timer
	closed  bool
	saved   uint64        // revision of the store that the state file has
	healed  chan struct{} // closed when a fault ends, then replaced
	faults  int
	imds    map[string]IMDSFault
	onPlane []func(*plane.Plane)
	told    *plane.Plane // the last one that onPlane was called with
	calls   []Call
	callSeq uint64
	dropped int // calls no longer in calls
	hooks   []func(Stage, Call)

	apps      []Application
	onMachine func(store.MachineEvent)
	events    []store.MachineEvent // not delivered yet
	telling   bool                 // deliver runs
}

// New makes a server; it continues from the state file if there is one.
func New(opt Options) (*Server, error) {
	if opt.TokenLife == 0 {
		opt.TokenLife = 24 * time.Hour
	}
	if opt.Secret == "" {
		opt.Secret = DefaultSecret
	}
	s := &Server{opt: opt, log: opt.Logger, healed: make(chan struct{}), imds: map[string]IMDSFault{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	found, err := s.load()
	if err != nil {
		return nil, err
	}
	if !found {
		if s.ca, err = newAuthority(time.Now()); err != nil {
			return nil, err
		}
		key := make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("token key: %w", err)
		}
		s.store = store.New(opt.Store)
		s.tokens = &tokens{key: key}
	}
	s.tokens.tenant, s.tokens.wall = s.store.Tenant(), time.Now
	s.timer = time.AfterFunc(time.Hour, s.tick)
	s.locked(func(time.Duration) {})
	return s, nil
}

// Close stops the clock and writes the state file. Requests that hang are
// dropped.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.timer.Stop()
	close(s.healed)
	return s.save()
}

// Now is the server's clock: CLOCK_BOOTTIME. All instants in the store, the
// operations and the calls are on it.
func Now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("emulator: CLOCK_BOOTTIME: %v", err))
	}
	return time.Duration(ts.Nano())
}

func (s *Server) tick() { s.locked(func(time.Duration) {}) }

// locked runs f with the store, after what was due, and then lets the world
// know what changed: the plane, healed faults, the next alarm.
func (s *Server) locked(f func(now time.Duration)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	now := Now()
	s.store.Advance(now)
	s.tellPlane()
	f(now)
	s.tellPlane()
	s.tellMachines()
	if n := len(s.store.Faults()); n != s.faults {
		s.faults = n
		close(s.healed) // whoever hangs looks whether its fault is still on
		s.healed = make(chan struct{})
	}
	s.arm(now)
	if s.opt.State != "" && s.store.Revision() != s.saved {
		if err := s.save(); err != nil {
			s.log.Error("state not saved", slog.Any("error", err))
		}
	}
}

// tellPlane lets the world know a plane that it wasn't told. Whether f has looked
// at the plane meanwhile, as IMDS does, makes no difference.
func (s *Server) tellPlane() {
	p := s.store.Plane()
	if p == s.told {
		return
	}
	s.told = p
	for _, fn := range s.onPlane {
		fn(p)
	}
}

func (s *Server) arm(now time.Duration) {
	next, ok := s.store.Next()
	if end, ends := s.store.NextFaultEnd(); ends && (!ok || end < next) {
		next, ok = end, true
	}
	if ok {
		s.timer.Reset(max(0, next-now))
	}
}

// With runs f with the store, alone. f must not call the server.
func (s *Server) With(f func(now time.Duration, st *store.Store)) {
	s.locked(func(now time.Duration) { f(now, s.store) })
}

// Place puts a resource there as an administrator, as if it had always been:
// no delay, no operation, no entry in the call log.
func (s *Server) Place(path, body string) (err error) {
	s.locked(func(now time.Duration) { err = s.store.Place(now, path, body) })
	return err
}

// Do is a call to ARM as an administrator, past the wire: no latency, no
// entry in the call log; operations take their time.
func (s *Server) Do(method, path, ifMatch, body string) (answer store.Response) {
	s.locked(func(now time.Duration) {
		answer = s.store.Handle(now, store.Request{Method: method, Path: path, IfMatch: ifMatch, Body: []byte(body), Principal: store.Admin()})
	})
	return answer
}

// SetProfile changes the delays of what is accepted from now on.
func (s *Server) SetProfile(p profile.Profile) {
	s.locked(func(time.Duration) { s.store.SetProfile(p) })
}

// SetPower changes a VM's power state; it reports whether there is such a VM.
func (s *Server) SetPower(vmID string, power store.Power) (found bool) {
	s.locked(func(time.Duration) { found = s.store.SetPower(vmID, power) })
	return found
}

// Inject switches a fault on and returns its number.
func (s *Server) Inject(f store.Fault) (id int, err error) {
	s.locked(func(now time.Duration) { id, err = s.store.Inject(now, f) })
	return id, err
}

// Clear switches a fault off, 0 for all; requests that hang because of it are
// dropped.
func (s *Server) Clear(id int) (found bool) {
	s.locked(func(time.Duration) { found = s.store.Clear(id) })
	return found
}

// Operations lists the accepted writes that took time, oldest first, with the
// instants at which the data plane and the control plane had them.
func (s *Server) Operations() (list []store.Operation) {
	s.locked(func(time.Duration) { list = s.store.Operations() })
	return list
}

// Violations lists the calls that came before a Retry-After was over.
func (s *Server) Violations() (list []store.Violation) {
	s.locked(func(time.Duration) { list = s.store.Violations() })
	return list
}

// Plane is the data plane as it is now.
func (s *Server) Plane() (p *plane.Plane) {
	s.locked(func(time.Duration) { p = s.store.Plane() })
	return p
}

// OnPlane calls fn with the present data plane, and again after each change,
// in order and before the answer of the request that changed it. fn must be
// quick and must not call the server.
func (s *Server) OnPlane(fn func(*plane.Plane)) {
	s.locked(func(time.Duration) {
		s.onPlane = append(s.onPlane, fn)
		fn(s.store.Plane())
	})
}

// CA is the certificate that clients must trust, in PEM.
func (s *Server) CA() []byte { return s.ca.pem() }

// Certificate is one of the CA's for the given names and addresses.
func (s *Server) Certificate(hosts ...string) (tls.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, fmt.Errorf("certificate: no name given")
	}
	return s.ca.certificate(time.Now(), hosts)
}

// HTTPServer is ready to ServeTLS(listener, "", "") ARM and OAuth under the
// given names and addresses. It speaks HTTP/1.1 only: there an answer is sent
// in full when its call's stage Sent comes, and a lost one ends its connection.
func (s *Server) HTTPServer(hosts ...string) (*http.Server, error) {
	cert, err := s.Certificate(hosts...)
	if err != nil {
		return nil, err
	}
	return &http.Server{
		Handler:           s.Handler(),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}, nil
}

// AdminToken is an access token that may do everything.
func (s *Server) AdminToken(audience string) string {
	return s.tokens.issue(claims{Audience: audience, AppID: AdminClientID, ObjectID: AdminClientID, Admin: true}, s.opt.TokenLife)
}
