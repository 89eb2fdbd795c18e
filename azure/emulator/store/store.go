package store

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/rbac"
	"releve.dev/releve/azure/emulator/throttle"
	"releve.dev/releve/azure/emulator/tree"
)

// Options are a store's settings. The zero value of each is a usable default.
type Options struct {
	Profile       profile.Profile // default: profile.Instant
	Seed          uint64
	Switches      Switches
	Endpoint      string       // base of the URLs in headers, default https://management.azure.com
	Subscription  string       // id of the one subscription, default DefaultSubscription
	Tenant        string       // default DefaultTenant
	Location      string       // default westeurope
	PublicPool    netip.Prefix // where public addresses come from, default 198.51.100.0/24
	BlobSuffix    string       // of the storage accounts' names, default core.windows.net
	KeptOperation int          // how many finished operations are remembered, default 10,000
}

// Ids of an emulator that was not told others.
const (
	DefaultSubscription = "00000000-0000-4000-8000-000000000001"
	DefaultTenant       = "00000000-0000-4000-8000-00000000000a"
)

// Switches choose between behaviours that Azure's documents leave open, or
// that differ from time to time (azure.md, open points).
type Switches struct {
	BusyRefuses       bool          `json:"busyRefuses"`              // a PUT during another operation gets 429 RetryableError instead of superseding it
	SucceededAtOnce   bool          `json:"succeededAtOnce"`          // the PUT's own answer says provisioningState Succeeded although the operation runs
	EtagAtEnd         bool          `json:"etagAtEnd"`                // the ETag changes once more when an operation ends
	CleanUp           time.Duration `json:"cleanUp"`                  // for so long after a remove, adding gets PrivateIPAddressIsBeingCleanedUp
	LinkedChangedOnly bool          `json:"linkedChangedOnly"`        // linked permissions are checked for new references only
	PollNeedsRead     bool          `json:"pollNeedsRead"`            // polling an operation needs Microsoft.Network/locations/operations/read
	PrincipalDelay    time.Duration `json:"principalDelay,omitempty"` // for so long a new identity isn't known to who assigns a role without principalType
	Cores             int           `json:"cores,omitempty"`          // the region's quota of virtual cores; 0: none
}

// Store is one emulated region with one subscription.
type Store struct {
	opt     Options
	now     time.Duration
	ids     *rand.Rand // guids, ETags, addresses of hardware
	delays  *rand.Rand
	idSrc   *rand.PCG
	dlySrc  *rand.PCG
	changes uint64 // grows with each change of anything that a GET may show

	byKey  map[string]*resource
	sorted []*resource // by key

	events   eventQueue
	eventSeq uint64
	running  map[string]*operation // by id, finished ones too
	log      []*operation          // in order of acceptance

	allocs  map[string]map[netip.Addr]allocation // by subnet key
	publics map[netip.Addr]string                // public address to the resource that has it

	grants    []rbac.Assignment
	denies    []denial
	decisions map[decision]bool

	buckets  map[bucketKey]*throttle.Bucket
	network  [2]throttle.Bucket
	warned   map[warning]time.Duration
	early    []Violation
	faults   []*Fault
	faultSeq int

	principals map[string]bool          // object ids of those who sign in, lower case
	born       map[string]time.Duration // when a new identity was made, by its principal's id

	guests   bool // somebody plays them
	machines []MachineEvent

	paths map[string]*target

	plane      *plane.Plane
	planeStale bool
	version    uint64
}

// resource is one resource of any kind, without those that are inside another
// (subnets, routes, rules).
type resource struct {
	kind  *kind
	id    string // as its creator wrote it
	key   string // id in lower case
	name  string
	doc   tree.Object // what was written, normalised, without what is derived
	form  any         // doc, parsed by the kind: what the control plane wants
	live  any         // what the data plane does; nil before the first apply
	etag  string
	guid  string
	state string // provisioningState
	op    *operation
	extra map[string]string // what the kind derives once and keeps, such as a MAC

	cachedAt uint64 // value of Store.changes that view and body belong to
	view     tree.Object
	body     []byte
	past     []pastBody // former answers, for stale reads
}

type pastBody struct {
	until time.Duration
	body  []byte
	etag  string
}

// New makes a store that holds the subscription and nothing else.
func New(opt Options) *Store {
	opt = opt.withDefaults()
	s := &Store{
		opt:       opt,
		idSrc:     rand.NewPCG(opt.Seed, 0x1d5),
		dlySrc:    rand.NewPCG(opt.Seed, 0xde1a),
		byKey:     map[string]*resource{},
		running:   map[string]*operation{},
		allocs:    map[string]map[netip.Addr]allocation{},
		publics:   map[netip.Addr]string{},
		decisions: map[decision]bool{},
		buckets:   map[bucketKey]*throttle.Bucket{},
		warned:    map[warning]time.Duration{},
		paths:     map[string]*target{},

		principals: map[string]bool{},
		born:       map[string]time.Duration{},
		changes:    1,
	}
	s.ids, s.delays = rand.New(s.idSrc), rand.New(s.dlySrc)
	s.planeStale = true
	s.addBuiltins()
	return s
}

func (o Options) withDefaults() Options {
	if o.Profile.Name == "" {
		o.Profile = profile.Instant
	}
	if o.Endpoint == "" {
		o.Endpoint = "https://management.azure.com"
	}
	if o.Subscription == "" {
		o.Subscription = DefaultSubscription
	}
	if o.Tenant == "" {
		o.Tenant = DefaultTenant
	}
	if o.Location == "" {
		o.Location = "westeurope"
	}
	if !o.PublicPool.IsValid() {
		o.PublicPool = netip.MustParsePrefix("198.51.100.0/24")
	}
	if o.BlobSuffix == "" {
		o.BlobSuffix = "core.windows.net"
	}
	if o.KeptOperation == 0 {
		o.KeptOperation = 10000
	}
	return o
}

// SetProfile changes the delays of what is accepted from now on.
func (s *Store) SetProfile(p profile.Profile) { s.opt.Profile = p }

// Profile is the set of delays in force.
func (s *Store) Profile() profile.Profile { return s.opt.Profile }

// SetSwitches changes the switches from now on.
func (s *Store) SetSwitches(w Switches) { s.opt.Switches = w }

// Switches are the switches in force.
func (s *Store) Switches() Switches { return s.opt.Switches }

// Subscription is the id of the one subscription.
func (s *Store) Subscription() string { return s.opt.Subscription }

// Tenant is the id of the one tenant.
func (s *Store) Tenant() string { return s.opt.Tenant }

// Admin is a principal that may do everything and is never throttled.
func Admin() Principal {
	return Principal{Name: "admin", ObjectID: "admin", ClientID: "admin", Admin: true}
}

// Place puts a resource there as an administrator, as if it had always been:
// without delay and with its data plane in place. An error is what ARM would
// have answered.
func (s *Store) Place(now time.Duration, path, body string) error {
	kept := s.opt.Profile
	s.opt.Profile = profile.Profile{Name: kept.Name}
	answer := s.Handle(now, Request{Method: "PUT", Path: withVersion(path), Body: []byte(body), Principal: Admin(), direct: true})
	s.opt.Profile = kept
	s.Advance(now)
	if answer.Status >= 300 {
		return fmt.Errorf("put %s: %d %s", path, answer.Status, answer.Body)
	}
	return nil
}

func withVersion(path string) string {
	if strings.Contains(path, "api-version=") {
		return path
	}
	if strings.Contains(path, "?") {
		return path + "&api-version=2024-05-01"
	}
	return path + "?api-version=2024-05-01"
}

func (s *Store) add(r *resource) {
	s.byKey[r.key] = r
	i := sort.Search(len(s.sorted), func(i int) bool { return s.sorted[i].key >= r.key })
	s.sorted = append(s.sorted, nil)
	copy(s.sorted[i+1:], s.sorted[i:])
	s.sorted[i] = r
}

func (s *Store) drop(r *resource) {
	delete(s.byKey, r.key)
	i := sort.Search(len(s.sorted), func(i int) bool { return s.sorted[i].key >= r.key })
	s.sorted = append(s.sorted[:i], s.sorted[i+1:]...)
}

// under lists the resources whose key begins with prefix and a slash, in order.
func (s *Store) under(prefix string) []*resource {
	prefix += "/"
	i := sort.Search(len(s.sorted), func(i int) bool { return s.sorted[i].key >= prefix })
	j := i
	for j < len(s.sorted) && strings.HasPrefix(s.sorted[j].key, prefix) {
		j++
	}
	return s.sorted[i:j]
}

// changed makes every cached answer stale.
func (s *Store) changed() { s.changes++ }

// guid is a random UUID of version 4 (RFC 9562 section 5.4).
func (s *Store) guid() string {
	a, b := s.ids.Uint64(), s.ids.Uint64()
	a = a&^0xf000 | 0x4000
	b = b&^(3<<62) | 2<<62
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], a)
	binary.BigEndian.PutUint64(raw[8:], b)
	text := make([]byte, 0, 36)
	for i, group := range [...][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, group)
	}
	return string(text)
}

func (s *Store) newEtag() string { return `W/"` + s.guid() + `"` }

// Revision grows with each change of what a snapshot holds, faults aside.
func (s *Store) Revision() uint64 { return s.changes }
