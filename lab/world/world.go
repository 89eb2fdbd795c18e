// Package world is the lab's site, running: the emulated Azure, its network,
// the hosts in it, the two agents, the probe, and what may be done to all of
// them. It must be used inside a room.
package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/fabric"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/sessions"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
	"releve.dev/releve/vsocket/config"
)

// Nodes of the lab, as people name them.
const (
	Primary   = "primary"
	Secondary = "secondary"
	VM1       = "vm1"
	Internet  = "internet"
	Azure     = "azure"

	// In a lab with the cloud.
	PoP1     = "pop1"
	PoP2     = "pop2"   // the vSockets' second choice, where there are two
	Branch   = "branch" // another site, of one vSocket
	BranchPC = "branch-pc"

	Manager = "manager" // in a lab with a manager
)

// Nodes lists all of them.
var Nodes = []string{Primary, Secondary, VM1, Internet, Azure, PoP1, PoP2, Branch, BranchPC, Manager}

// Options of a lab. The zero value of each timer is the agents' own default.
type Options struct {
	Agent     string       // path of releve-vsocket
	Cloud     bool         // tunnels to a PoP, and a second site
	PoPs      int          // of the cloud; 0 is 1
	PoP       string       // path of releve-pop, for a lab with the cloud
	Managed   bool         // with a manager, which gives vSockets and PoPs what the site decides
	Manager   string       // path of releve-manager, for a lab with one
	OneOnly   bool         // the manager's site has no secondary yet, whose VM waits
	Passages  []uint16     // ports of the manager's by which vSockets' own pages are reached through it; nil: its own
	Pages     bool         // the vSockets serve their own pages; in a bare lab its VMs do so by themselves
	Third     config.Third // "": the agents' own default
	Profile   profile.Profile
	Seed      uint64
	Keepalive time.Duration
	Silent    time.Duration
	Lease     time.Duration
	Confirm   *time.Duration // nil: default; 0 is a value
	Hold      time.Duration
	Probe     time.Duration // between two of the agents' probes
	Zones     bool          // the vSockets in two availability zones
	WithoutHA bool          // no HA settings (B7)
	Bare      bool          // no site yet: groups, a network, an image, vm1; VMs that are put are booted
	Logger    *slog.Logger
	Keep      string // folder for the agents' logs and journals in the end; "" for none

	// Before is called before each step of an agent that is seen from outside;
	// the agent does it when Before returns. Nil: the agents aren't asked.
	Before func(node, step string)
}

// Check says what the agents would refuse, before anything is started.
func (o Options) Check() error {
	o.Managed = false // the same settings, all in a file
	if o.PoPs < 0 || o.PoPs > len(pops) {
		return fmt.Errorf("the lab has no cloud of %d PoPs\nhint: --pops 1 or 2", o.PoPs)
	}
	w := &World{opt: o, dir: dir, key: newKey(), cloud: newCloud(o.pops()), client: store.DefaultTenant} // any GUID does for a client id
	for _, p := range w.cloud.pops {
		p.key = tunnel.GenerateKey() // any key does for this, too
	}
	w.layout.Subscription = store.DefaultSubscription
	_, err := w.configText(site.Primary, true)
	return err
}

// pops is how many there are.
func (o Options) pops() int {
	if !o.Cloud {
		return 0
	}
	return max(1, o.PoPs)
}

// dir is where a lab keeps its files, in its room.
var dir = filepath.Join(room.Dir, "releve")

// The interval of the probe's packets, each way. Each crosses two devices of
// wireguard-go where there are tunnels: at 1 ms they and the fabric would take 0.9
// of a CPU, at 2 ms they take 0.55.
const (
	interval       = time.Millisecond
	tunnelInterval = 2 * time.Millisecond
)

// probeInterval is what this lab's probe keeps.
func (o Options) probeInterval() time.Duration {
	if o.Cloud {
		return tunnelInterval
	}
	return interval
}

// World is a running lab. Its methods may be called from any goroutine.
type World struct {
	opt       Options
	log       *slog.Logger
	dir       string
	layout    azuresite.Layout
	client    string // client id of the vSockets' identity
	principal string // and its object id
	key       string // of the keepalives
	cloud     *cloud

	azure    *emulator.Server
	fabric   *fabric.Fabric
	probe    *probe.Probe
	programs map[string]*program // by node
	channels map[string]*program // of vSockets to the manager, by node
	webuis   map[string]*webui   // of vSockets, by node
	overseer overseer
	fip      *tracker
	crossing *crossing // nil without the cloud
	metal    *metal    // nil but in a bare lab

	downstream downstream

	acting sync.Mutex // one act at a time: faults, heals, reboots

	mu       sync.Mutex
	hosts    map[string]*room.Host
	imds     map[string]*service // by node
	faults   map[act]func() error
	history  []report.Fault
	entries  []site.Entry
	gone     []site.Entry // of journals on disks that are gone
	begun    time.Duration
	overload uint64 // of the fabric, when it began
	still    stillness
	sessions *sessions.Sessions // nil: none
	finished bool
	closers  []func()
	cancel   context.CancelFunc
	life     context.Context
}

// Up brings the site up: Azure, network, hosts, agents, traffic. It doesn't
// wait for the agents to agree; see Await. On an error nothing is left.
func Up(opt Options) (*World, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	w := &World{opt: opt, log: opt.Logger, dir: dir, programs: map[string]*program{}, channels: map[string]*program{}, webuis: map[string]*webui{},
		key: newKey(), cloud: newCloud(opt.pops()), hosts: map[string]*room.Host{}, imds: map[string]*service{}, faults: map[act]func() error{}}
	w.downstream.note = w.noteAs
	w.life, w.cancel = context.WithCancel(context.Background())
	go w.still.watch(w.life)
	agents := w.startAgents
	if opt.Bare {
		agents = w.startBare
	}
	for _, step := range []func() error{w.checkPrograms, w.startAzure, w.startNetwork, w.startServices, w.startManager, w.startCloud, agents, w.startPages, w.startProbe, w.startCrossing} {
		if err := step(); err != nil {
			w.Down()
			return nil, err
		}
	}
	return w, nil
}

// checkPrograms finds out early what would otherwise fail in the middle.
func (w *World) checkPrograms() error {
	paths := []string{w.opt.Agent}
	if w.opt.Cloud {
		paths = append(paths, w.opt.PoP)
	}
	if w.opt.Managed {
		paths = append(paths, w.opt.Manager)
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || info.Mode()&0o111 == 0 || info.IsDir() {
			return fmt.Errorf("the program %s is missing or can't be run\nhint: make build", path)
		}
	}
	if w.opt.Bare {
		if _, err := w.packages(); err != nil {
			return err
		}
	}
	return os.MkdirAll(w.dir, 0o755)
}

// Down ends all of it. What is left over, the kernel clears with the room.
func (w *World) Down() {
	w.cancel()
	for _, p := range w.all() {
		p.kill()
	}
	if opened := w.Sessions(); opened != nil {
		opened.Abandon()
	}
	if w.probe != nil && !w.probeDone() {
		w.probe.Finish()
	}
	if w.opt.Keep != "" {
		w.keep()
	}
	w.mu.Lock()
	closers := w.closers
	w.closers = nil
	services := w.imds
	w.imds = map[string]*service{}
	w.mu.Unlock()
	for _, s := range services {
		s.close()
	}
	for i := len(closers) - 1; i >= 0; i-- {
		closers[i]()
	}
}

// later registers what Down must do, last first.
func (w *World) later(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers = append(w.closers, fn)
}

// Layout tells the ids of the site's resources.
func (w *World) Layout() azuresite.Layout { return w.layout }

// ARM is the emulated Azure, for scenarios that act as an administrator.
func (w *World) ARM() *emulator.Server { return w.azure }

// Probe is the measurement.
func (w *World) Probe() *probe.Probe { return w.probe }

// Profile is how long the emulated Azure takes.
func (w *World) Profile() profile.Profile {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opt.Profile
}

// Host is a node's namespace. After a reboot it is another one.
func (w *World) Host(node string) (*room.Host, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	host := w.hosts[node]
	switch {
	case host != nil:
		return host, nil
	case node == Manager:
		return nil, errors.New("this lab has no manager\nhint: --manager")
	case slices.Contains(Nodes, node):
		return nil, fmt.Errorf("this lab has no %s\nhint: it is in a lab with the cloud (--cloud; for %s --pops 2)", node, PoP2)
	}
	return nil, unknownNode(node)
}

// Note puts a line of the lab's own into the timeline.
func (w *World) Note(what, detail string) { w.noteAs(report.Lab, what, detail) }

func (w *World) noteAs(who, what, detail string) {
	now := clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = append(w.entries, site.Entry{Wall: time.Now(), At: now, Who: who, What: what, Detail: detail})
}

// ErrUnknown is a node, fault or scenario that the lab doesn't have.
var ErrUnknown = errors.New("unknown to the lab")

// CheckNode says what nodes there are if this is none.
func CheckNode(node string) error {
	if !slices.Contains(Nodes, node) {
		return unknownNode(node)
	}
	return nil
}

func unknownNode(node string) error {
	return fmt.Errorf("node %q is %w\nhint: one of %s", node, ErrUnknown, strings.Join(Nodes, ", "))
}

// Await polls a condition until it holds. What says it in words for the error
// of a bound that has passed.
func (w *World) Await(ctx context.Context, what string, bound time.Duration, ok func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok(ctx) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-w.life.Done():
			return errors.New("the lab is going down")
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s: %w within %s", what, ErrTooLate, bound)
			}
			return ctx.Err()
		}
	}
}

// ErrTooLate is a bound that has passed.
var ErrTooLate = errors.New("it didn't happen")
