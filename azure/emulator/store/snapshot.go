package store

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// snapshot is a store as JSON. Instants are kept as distances from the moment
// of the snapshot, since the clock of the next life is another.
type snapshot struct {
	Format       int                       `json:"format"`
	Profile      string                    `json:"profile"`
	Switches     Switches                  `json:"switches"`
	Subscription string                    `json:"subscription"`
	Tenant       string                    `json:"tenant"`
	Location     string                    `json:"location"`
	Pool         netip.Prefix              `json:"pool"`
	IDs, Delays  []byte                    // the generators
	Version      uint64                    `json:"version"`
	Resources    []savedResource           `json:"resources"`
	Operations   []savedOperation          `json:"operations,omitempty"`
	Allocations  map[string][]savedAddress `json:"allocations,omitempty"`
	Publics      map[netip.Addr]string     `json:"publics,omitempty"`
	Faults       []savedFault              `json:"faults,omitempty"`
}

const snapshotFormat = 1

type savedResource struct {
	Kind  string            `json:"kind"`
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	Doc   tree.Object       `json:"doc"`
	ETag  string            `json:"etag,omitempty"`
	GUID  string            `json:"guid,omitempty"`
	State string            `json:"state,omitempty"`
	Op    string            `json:"op,omitempty"`
	Extra map[string]string `json:"extra,omitempty"`
	Live  json.RawMessage   `json:"live,omitempty"` // data plane, if it isn't what Doc says
	Dead  bool              `json:"dead,omitempty"` // the data plane knows nothing of it yet
}

type savedOperation struct {
	Operation
	Key     string           `json:"key"`
	Delete  bool             `json:"delete,omitempty"`
	Power   Power            `json:"power,omitempty"`
	Failure *Error           `json:"failure,omitempty"`
	Left    [3]time.Duration `json:"left"`
	Passed  step             `json:"passed"`
	Result  tree.Object      `json:"result,omitempty"`
}

type savedAddress struct {
	Addr     netip.Addr    `json:"addr"`
	NIC      string        `json:"nic"`
	Config   string        `json:"config"`
	Cleaning time.Duration `json:"cleaning,omitempty"`
}

// Snapshot writes the whole store.
func (s *Store) Snapshot() ([]byte, error) {
	out := snapshot{
		Format: snapshotFormat, Profile: s.opt.Profile.Name, Switches: s.opt.Switches,
		Subscription: s.opt.Subscription, Tenant: s.opt.Tenant, Location: s.opt.Location, Pool: s.opt.PublicPool,
		Version: s.version, Publics: s.publics, Faults: s.saveFaults(), Allocations: map[string][]savedAddress{},
	}
	var err error
	if out.IDs, err = s.idSrc.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("snapshot: generator: %w", err)
	}
	if out.Delays, err = s.dlySrc.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("snapshot: generator: %w", err)
	}
	for _, r := range s.sorted {
		saved, err := saveResource(r)
		if err != nil {
			return nil, fmt.Errorf("snapshot: %s: %w", r.id, err)
		}
		out.Resources = append(out.Resources, saved)
	}
	for _, op := range s.log {
		out.Operations = append(out.Operations, s.saveOperation(op))
	}
	for subnet, addrs := range s.allocs {
		for addr, a := range addrs {
			left := time.Duration(0)
			if a.cleaning > 0 {
				left = max(a.cleaning-s.now, 1)
			}
			out.Allocations[subnet] = append(out.Allocations[subnet], savedAddress{addr, a.nic, a.config, left})
		}
		slices.SortFunc(out.Allocations[subnet], func(a, b savedAddress) int { return a.Addr.Compare(b.Addr) })
	}
	return json.MarshalIndent(out, "", " ")
}

func saveResource(r *resource) (savedResource, error) {
	saved := savedResource{Kind: r.kind.name, ID: r.id, Name: r.name, Doc: r.doc, ETag: r.etag, GUID: r.guid, State: r.state, Extra: r.extra}
	if r.op != nil {
		saved.Op = r.op.ID
	}
	switch {
	case r.kind.parse == nil:
	case r.live == nil:
		saved.Dead = true
	case r.live != r.form:
		raw, err := saveLive(r.live)
		if err != nil {
			return saved, err
		}
		saved.Live = raw
	}
	return saved, nil
}

// The operations' times are on a clock that ends with this life; after a
// restore they are negative distances from the new beginning, which keeps
// their order and differences.
func (s *Store) saveOperation(op *operation) savedOperation {
	saved := savedOperation{Operation: op.Operation, Key: op.key, Delete: op.delete, Power: op.power, Failure: op.failure, Passed: op.passed, Result: op.result}
	for i, due := range op.due {
		saved.Left[i] = due - s.now
	}
	for _, at := range []*time.Duration{&saved.Accepted, &saved.Removed, &saved.Applied, &saved.Done} {
		if *at != 0 {
			*at -= s.now
		}
	}
	return saved
}

// Restore makes the store that Snapshot wrote, with the instant now as the
// moment of the snapshot. Of opt only Endpoint, BlobSuffix and
// KeptOperation count.
func Restore(data []byte, now time.Duration, opt Options) (*Store, error) {
	var in snapshot
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if in.Format != snapshotFormat {
		return nil, fmt.Errorf("restore: format %d is unknown", in.Format)
	}
	p, err := profile.Parse(in.Profile)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	opt.Profile, opt.Switches = p, in.Switches
	opt.Subscription, opt.Tenant, opt.Location, opt.PublicPool = in.Subscription, in.Tenant, in.Location, in.Pool
	s := New(opt)
	s.now, s.version = now, in.Version
	if err := s.idSrc.UnmarshalBinary(in.IDs); err != nil {
		return nil, fmt.Errorf("restore: generator: %w", err)
	}
	if err := s.dlySrc.UnmarshalBinary(in.Delays); err != nil {
		return nil, fmt.Errorf("restore: generator: %w", err)
	}
	s.byKey, s.sorted = map[string]*resource{}, nil
	for _, saved := range in.Resources {
		if err := s.restoreResource(saved); err != nil {
			return nil, fmt.Errorf("restore: %s: %w", saved.ID, err)
		}
	}
	for _, saved := range in.Operations {
		s.restoreOperation(saved)
	}
	for subnet, addrs := range in.Allocations {
		s.allocs[subnet] = map[netip.Addr]allocation{}
		for _, a := range addrs {
			restored := allocation{nic: a.NIC, config: a.Config}
			if a.Cleaning > 0 {
				restored.cleaning = now + a.Cleaning
			}
			s.allocs[subnet][a.Addr] = restored
		}
	}
	for addr, key := range in.Publics {
		s.publics[addr] = key
	}
	s.restoreFaults(in.Faults)
	s.regrant()
	return s, nil
}

func (s *Store) restoreResource(saved savedResource) error {
	k := kinds[strings.ToLower(saved.Kind)]
	if k == nil {
		k = &kind{name: saved.Kind}
	}
	if saved.Doc == nil {
		saved.Doc = tree.Object{}
	}
	r := &resource{kind: k, id: saved.ID, key: strings.ToLower(saved.ID), name: saved.Name, doc: saved.Doc,
		etag: saved.ETag, guid: saved.GUID, state: saved.State, extra: saved.Extra}
	if k.parse != nil {
		r.form = k.parse(s, r, r.doc)
		switch {
		case saved.Live != nil:
			live, err := restoreLive(r.form, saved.Live)
			if err != nil {
				return err
			}
			r.live = live
		case !saved.Dead:
			r.live = r.form
		}
	}
	s.add(r)
	return nil
}

func (s *Store) restoreOperation(saved savedOperation) {
	op := &operation{Operation: saved.Operation, key: saved.Key, delete: saved.Delete, power: saved.Power, failure: saved.Failure, passed: saved.Passed, result: saved.Result}
	for _, at := range []*time.Duration{&op.Accepted, &op.Removed, &op.Applied, &op.Done} {
		if *at != 0 {
			*at += s.now
		}
	}
	for i, left := range saved.Left {
		op.due[i] = s.now + left
	}
	op.end = op.due[stepDone]
	s.running[op.ID] = op
	s.log = append(s.log, op)
	if op.Status != inProgress {
		return
	}
	if r := s.byKey[op.key]; r != nil {
		r.op = op
	}
	for do := op.passed; do < steps; do++ {
		s.schedule(op, do, op.due[do])
	}
}

func sortedNames(o tree.Object) []string {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
