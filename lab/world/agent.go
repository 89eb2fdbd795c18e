package world

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/journal"
	"releve.dev/releve/vsocket/steps"
)

// agent is a vSocket's program.
type agent struct {
	side    site.Side
	dir     string
	program string
	start   func(*exec.Cmd) error // inside the node
	note    func(who, what, detail string)
	before  func(node, step string) // nil: the agent isn't asked for its steps

	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{}
	wanted  bool // to run: an end that nobody asked for is told
	stopped bool // by SIGSTOP
}

// startAgents writes both configurations and starts both programs.
func (w *World) startAgents() error {
	w.key = newKey()
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		node := side.String()
		w.agents[node] = &agent{side: side, dir: filepath.Join(w.dir, node), program: w.opt.Agent, note: w.noteAs, before: w.opt.Before,
			start: func(cmd *exec.Cmd) error { return w.StartIn(node, cmd) }}
		if err := w.writeConfig(side, !w.opt.WithoutHA); err != nil {
			return err
		}
	}
	for _, a := range w.agents {
		if err := a.run(); err != nil {
			return err
		}
	}
	return nil
}

// newKey is a secret for the keepalives.
func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(key)
}

// StartIn starts a program inside a node.
func (w *World) StartIn(node string, cmd *exec.Cmd) error {
	host, err := w.Host(node)
	if err != nil {
		return err
	}
	return host.Start(cmd)
}

func (a *agent) path(name string) string { return filepath.Join(a.dir, name) }

// config is what a vSocket runs from.
func (w *World) config(side site.Side, withHA bool) config.Config {
	c := config.Default()
	peer := side.Peer()
	dir := filepath.Join(w.dir, side.String())
	c.Site, c.Side = "lab", side
	c.StateDir, c.RunDir = filepath.Join(dir, "state"), filepath.Join(dir, "run")
	own := func(iface string) config.Interface {
		return config.Interface{Name: iface, Address: netip.PrefixFrom(azuresite.Addr(side, iface), azuresite.Prefixes[iface].Bits())}
	}
	c.Interfaces = config.Interfaces{WAN: own(azuresite.WAN), LAN: own(azuresite.LAN), MGMT: own(azuresite.MGMT)}
	c.Egress = config.EgressNAT
	c.Probes.WAN = []netip.Addr{azuresite.InternetAddr}
	if w.opt.Probe != 0 {
		c.Probes.Interval = w.opt.Probe
	}
	if !withHA {
		return c
	}
	ref := func(name string) config.Ref { return config.Ref{Group: azuresite.SiteGroup, Name: name} }
	c.HA = w.haSettings(peer)
	c.Azure = &config.Azure{
		Endpoint: endpoint, CAFile: w.caFile(), IMDS: "http://" + imdsAddr, ClientID: w.client,
		Subscription: w.layout.Subscription, Location: azuresite.Location,
		NIC:     ref(azuresite.NIC(azuresite.VM(side), azuresite.LAN)),
		PeerNIC: ref(azuresite.NIC(azuresite.VM(peer), azuresite.LAN)), PeerVM: ref(azuresite.VM(peer)),
		Subnet: config.Subnet{Group: azuresite.NetworkGroup, VNet: azuresite.VNet, Name: azuresite.LAN},
	}
	return c
}

func (w *World) haSettings(peer site.Side) *config.HA {
	ha := &config.HA{
		Peer:       config.Peer{LAN: azuresite.Addr(peer, azuresite.LAN), MGMT: azuresite.Addr(peer, azuresite.MGMT)},
		FloatingIP: azuresite.FloatingIP, Key: w.key, Generation: 1,
		Keepalive: 50 * time.Millisecond, Silent: 200 * time.Millisecond, Confirm: time.Second,
		Preempt: config.PreemptOn, Hold: 10 * time.Second, Alone: config.AloneStay,
	}
	set := func(to *time.Duration, d time.Duration) {
		if d != 0 {
			*to = d
		}
	}
	set(&ha.Keepalive, w.opt.Keepalive)
	set(&ha.Silent, w.opt.Silent)
	set(&ha.Hold, w.opt.Hold)
	ha.Lease = max(ha.Silent, 3*ha.Keepalive)
	set(&ha.Lease, w.opt.Lease)
	if w.opt.Confirm != nil {
		ha.Confirm = *w.opt.Confirm
	}
	return ha
}

// configText is a vSocket's file. It is refused here if the agent would refuse it.
func (w *World) configText(side site.Side, withHA bool) ([]byte, error) {
	text, err := yaml.Marshal(w.config(side, withHA))
	if err != nil {
		return nil, fmt.Errorf("write the %s's configuration: %w", side, err)
	}
	if _, err := config.Parse(side.String()+".yaml", text); err != nil {
		return nil, fmt.Errorf("the vSockets refuse these settings: %w", err)
	}
	return text, nil
}

func (w *World) writeConfig(side site.Side, withHA bool) error {
	text, err := w.configText(side, withHA)
	if err != nil {
		return err
	}
	a := w.agents[side.String()]
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(a.path("vsocket.yaml"), text, 0o600)
}

// keep copies what the agents wrote to a folder that outlives the room.
func (w *World) keep() {
	for node, a := range w.agents {
		for _, name := range []string{"agent.log", "vsocket.yaml", "state"} {
			if err := copyTree(filepath.Join(w.opt.Keep, node, name), a.path(name)); err != nil {
				w.log.Error("logs not kept", "node", node, "error", err)
			}
		}
	}
}

func copyTree(to, from string) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

// run starts the program.
func (a *agent) run() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(a.path("agent.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(a.program, "run", "--config", a.path("vsocket.yaml"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := a.startStepwise(cmd); err != nil {
		return fmt.Errorf("start the agent of the %s: %w", a.side, err)
	}
	ended := make(chan struct{})
	a.cmd, a.ended, a.wanted, a.stopped = cmd, ended, true, false
	go a.watch(cmd, ended)
	return nil
}

// startStepwise starts it with a line on which it names its steps, if somebody
// wants to stand between them.
func (a *agent) startStepwise(cmd *exec.Cmd) error {
	if a.before == nil {
		return a.start(cmd)
	}
	lab, agent, err := steps.Pair()
	if err != nil {
		return err
	}
	defer agent.Close()
	cmd.ExtraFiles = []*os.File{agent} // the descriptor after the standard three
	cmd.Env = append(os.Environ(), steps.Env+"=3")
	if err := a.start(cmd); err != nil {
		lab.Close()
		return err
	}
	go steps.Serve(lab, func(step string) { a.before(a.side.String(), step) })
	return nil
}

func (a *agent) watch(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	a.mu.Lock()
	unasked := a.wanted
	a.cmd = nil
	a.mu.Unlock()
	close(ended)
	if unasked {
		a.note(a.side.String(), "agent ended", fmt.Sprintf("%v: %s", err, a.lastWords()))
	}
}

// lastWords is the last line of the agent's log.
func (a *agent) lastWords() string {
	text, _ := os.ReadFile(a.path("agent.log"))
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
}

// signal reaches the program and what it has started.
func (a *agent) signal(s unix.Signal, wanted bool) (ended <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	a.wanted = wanted
	_ = unix.Kill(-a.cmd.Process.Pid, s)
	return a.ended
}

// kill ends it at once and waits for that.
func (a *agent) kill() { <-a.signal(unix.SIGKILL, false) }

// stop ends it cleanly.
func (a *agent) stop(ctx context.Context) error {
	select {
	case <-a.signal(unix.SIGTERM, false):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the agent of the %s doesn't stop: %w", a.side, ctx.Err())
	}
}

func (a *agent) running() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cmd != nil
}

// Pid is the process id of a vSocket's agent, 0 if it isn't running.
func (w *World) Pid(node string) int {
	a := w.agents[node]
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd == nil {
		return 0
	}
	return a.cmd.Process.Pid
}

// Journal is the timeline that a vSocket has written so far.
func (w *World) Journal(node string) []site.Entry {
	a := w.agents[node]
	if a == nil {
		return nil
	}
	entries, err := journal.Read(filepath.Join(a.dir, "state", "journal"), time.Time{})
	if err != nil && !os.IsNotExist(err) {
		w.log.Warn("journal not read", "node", node, "error", err)
	}
	return entries
}
