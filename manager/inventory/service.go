package inventory

import (
	"math"
	"time"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/site"
)

// Service is the use cases over one database.
type Service struct {
	store       *store.Store
	fingerprint [32]byte
	now         func() time.Time
	notify      func(Notice)
}

// Config is what a Service needs besides its database.
type Config struct {
	Fingerprint [32]byte         // of the CA, for enrolment keys
	Now         func() time.Time // nil: the clock
	Notify      func(Notice)     // called after each commit that devices must hear of; must not block. nil: nobody
}

// Notice says what a commit changed for a site's devices.
type Notice struct {
	Account    string
	Site       string
	Generation uint64
	Serials    []site.Serial // whose settings are others now
	Void       []site.Serial // which are void now, and to be cut off
}

// New makes a Service.
func New(db *store.Store, c Config) *Service {
	s := &Service{store: db, fingerprint: c.Fingerprint, now: c.Now, notify: c.Notify}
	if s.now == nil {
		s.now = time.Now
	}
	if s.notify == nil {
		s.notify = func(Notice) {}
	}
	return s
}

// Actor is who asks, and for which account.
type Actor struct {
	Account string
	ID      string // "user:<id>", "token:<id>", "system"
	Request string // the request's id, for the audit log
}

// seenByItself is the condition of a change that a device makes of what only it knows.
const seenByItself = math.MaxUint64

// Change is how a change is asked for.
type Change struct {
	IfMatch uint64 // the site's generation as the caller saw it; needed where an existing site is changed
	DryRun  bool   // check all, answer as if, keep nothing
}
