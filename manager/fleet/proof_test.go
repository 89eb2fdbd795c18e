package fleet_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
)

// full is in the environment of `make test-all`: the proof in the size that the
// requirement names, which takes minutes. `make test` runs a small one.
const full = "RELEVE_FULL"

// size is how much a proof does.
type size struct {
	vsockets, perProcess int
	events               int // of each vSocket
	kills                int // of the manager, and as many of vSockets' processes or disks
}

func sizeOf() size {
	if os.Getenv(full) != "" {
		return size{vsockets: 200, perProcess: 20, events: 100, kills: 20}
	}
	return size{vsockets: 20, perProcess: 5, events: 30, kills: 4}
}

func (s size) all() int { return s.vsockets * s.events }

// proof is a manager in a process of its own, what its vSockets say that they have
// kept, and what it says in the end that it has.
type proof struct {
	t       *testing.T
	size    size
	dir     string
	keys    []string
	account string
	manager *exec.Cmd
	began   time.Time

	mu    sync.Mutex
	kept  map[string]bool // said to be durable in a spool
	next  []int           // by vSocket: the number of its next event
	grown chan struct{}
}

func newProof(t *testing.T) *proof {
	t.Helper()
	p := &proof{t: t, size: sizeOf(), dir: t.TempDir(), kept: map[string]bool{}, grown: make(chan struct{}, 1), began: time.Now()}
	p.next = make([]int, p.size.vsockets)
	p.furnish()
	p.startManager()
	return p
}

func (p *proof) database() string { return "sqlite:" + filepath.Join(p.dir, "manager.db") }

// furnish makes the sites, and prints their enrolment keys.
func (p *proof) furnish() {
	p.t.Helper()
	ctx := p.t.Context()
	a, err := authority.Open(filepath.Join(p.dir, "authority"))
	if err != nil {
		p.t.Fatal(err)
	}
	db, err := store.Open(ctx, p.database())
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	inv := inventory.New(db, inventory.Config{Fingerprint: a.Fingerprint()})
	account, err := inv.CreateAccount(ctx, "proof")
	if err != nil {
		p.t.Fatal(err)
	}
	p.account = account.ID
	actor := inventory.Actor{Account: account.ID, ID: "system"}
	for i := range p.size.vsockets {
		net := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		s, err := inv.CreateSite(ctx, actor, inventory.NewSite{Name: fmt.Sprint("site", i), Native: netip.PrefixFrom(net, 24),
			LocalIP: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 10})}, inventory.Change{})
		if err != nil {
			p.t.Fatal(err)
		}
		key, err := inv.EnrolKey(ctx, actor, s.Primary.Serial, inventory.Change{})
		if err != nil {
			p.t.Fatal(err)
		}
		p.keys = append(p.keys, key.String())
	}
}

// child starts this test's program in another role; it dies with the test.
func (p *proof) child(o order) (*exec.Cmd, *bufio.Scanner) {
	p.t.Helper()
	o.Dir, o.Database = p.dir, p.database()
	text, err := json.Marshal(o)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), orderVar+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func (p *proof) startManager() {
	p.t.Helper()
	cmd, lines := p.child(order{Role: "manager"})
	if !lines.Scan() || lines.Text() != "ready" {
		p.t.Fatalf("the manager doesn't start: %q, %v", lines.Text(), cmd.Wait())
	}
	go func() {
		for lines.Scan() { // until it is dead
		}
	}()
	p.manager = cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // SIGKILL
	_ = cmd.Wait()
}

// keeps notes that a spool has made an event durable.
func (p *proof) keeps(vsocket, number int, message string) {
	p.mu.Lock()
	p.kept[message] = true
	p.next[vsocket] = max(p.next[vsocket], number+1)
	p.mu.Unlock()
	select {
	case p.grown <- struct{}{}:
	default:
	}
}

func (p *proof) progress() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}

// whenKept waits until so many events are durable in spools.
func (p *proof) whenKept(n int) {
	p.t.Helper()
	for deadline := time.After(10 * time.Minute); p.progress() < n; {
		select {
		case <-p.grown:
		case <-deadline:
			p.t.Fatalf("%d of %d events after 10 minutes", p.progress(), n)
		}
	}
}

// found is what the manager has, by message, and how often.
func (p *proof) found() map[string]int {
	p.t.Helper()
	ctx := context.Background()
	kill(p.manager)
	db, err := store.Open(ctx, p.database())
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	var lines bytes.Buffer
	if err := events.New(db, events.Config{}).JSONLines(ctx, &lines, p.account, events.Filter{}); err != nil {
		p.t.Fatal(err)
	}
	found := map[string]int{}
	for decoder := json.NewDecoder(&lines); ; {
		var e struct{ Message string }
		if err := decoder.Decode(&e); err == io.EOF {
			return found
		} else if err != nil {
			p.t.Fatal(err)
		}
		found[e.Message]++
	}
}

// judge: every event that a spool said it has kept is there, once. What was being
// kept when its process died, at most one a life of a vSocket, may be there too.
func (p *proof) judge(lives int) {
	p.t.Helper()
	found := p.found()
	lost, twice, unsaid := 0, 0, 0
	for message := range p.kept {
		if found[message] == 0 {
			lost++
			p.t.Logf("lost: %s", message)
		}
	}
	for message, n := range found {
		if n > 1 {
			twice++
		}
		if !p.kept[message] {
			unsaid++
		}
	}
	p.t.Logf("%d events of %d vSockets, manager killed %d times, %d lives of vSockets more: %d lost, %d twice, %d that nobody was told of; %.0f s",
		len(p.kept), p.size.vsockets, p.size.kills, lives, lost, twice, unsaid, time.Since(p.began).Seconds())
	if lost > 0 || twice > 0 || unsaid > lives || len(p.kept) < p.size.all() {
		p.t.Error("an event is lost, twice, or nobody's")
	}
}

// Issue 5, "Done when": events from vSockets whose processes are killed, to a
// manager that is killed: none lost, none twice.
func TestKilledLosesNoEvent(t *testing.T) {
	p := newProof(t)
	groups := make([]*group, 0, p.size.vsockets/p.size.perProcess)
	for first := 0; first < p.size.vsockets; first += p.size.perProcess {
		g := &group{proof: p, first: first, last: min(first+p.size.perProcess, p.size.vsockets)}
		g.start()
		groups = append(groups, g)
	}
	lives := 0
	for i := range p.size.kills {
		p.whenKept(p.size.all() * (i + 1) / (p.size.kills + 1))
		kill(p.manager)
		g := groups[rand.IntN(len(groups))]
		lives += g.last - g.first
		g.again()
		p.startManager()
	}
	for _, g := range groups {
		g.wait()
	}
	p.judge(lives)
}

// group is a process with some of the vSockets.
type group struct {
	proof       *proof
	first, last int
	life        int
	cmd         *exec.Cmd
	read        chan struct{}
	empty       bool // it has kept its part, and the manager has it
}

func (g *group) start() {
	o := order{Role: "vsockets", Life: g.life, Events: g.proof.size.events}
	g.proof.mu.Lock()
	for n := g.first; n < g.last; n++ {
		o.VSockets = append(o.VSockets, vsocketOrder{Number: n, Key: g.proof.keys[n], Next: g.proof.next[n]})
	}
	g.proof.mu.Unlock()
	cmd, lines := g.proof.child(o)
	g.cmd, g.read, g.empty = cmd, make(chan struct{}), false
	go func() {
		defer close(g.read)
		for lines.Scan() {
			g.line(lines.Text())
		}
	}()
}

func (g *group) line(text string) {
	var vsocket, life, number int
	switch n, _ := fmt.Sscanf(text, "%d/%d/%d", &vsocket, &life, &number); {
	case text == "empty":
		g.empty = true
	case n == 3:
		g.proof.keeps(vsocket, number, strings.TrimSpace(text))
	}
}

func (g *group) again() {
	_ = g.cmd.Process.Kill() // SIGKILL
	<-g.read                 // what it said before it died counts
	_ = g.cmd.Wait()
	g.life++
	g.start()
}

func (g *group) wait() {
	g.proof.t.Helper()
	select {
	case <-g.read:
	case <-time.After(10 * time.Minute):
		g.proof.t.Errorf("vSockets from %d on: not empty after 10 minutes", g.first)
	}
	kill(g.cmd)
	if !g.empty {
		g.proof.t.Errorf("vSockets from %d on ended before they were empty", g.first)
	}
}
