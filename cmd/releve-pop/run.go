package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/pop/egress"
	"releve.dev/releve/pop/hub"
	"releve.dev/releve/pop/state"
	"releve.dev/releve/pop/witness"
	"releve.dev/releve/priority"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// pop is one running PoP.
type pop struct {
	path    string
	cfg     *config.Config // as it was at the start
	key     tunnel.Key
	started time.Time
	fence   *egress.Egress
	hub     *hub.Hub
	rates   hub.Rates
	witness *witness.Server
	socket  *net.UDPConn // the witness's

	reads chan chan control.Settings // who wants the settings read anew, and to hear of it

	mu       sync.Mutex
	refused  []control.Refusal
	problems []string // of the last reading of the settings
	settings control.Settings
}

// runPoP runs until ctx ends.
func runPoP(ctx context.Context, path string) error {
	both, err := load(path)
	if err != nil {
		return err
	}
	cfg := both.Config
	// The witness answers in time while the tunnels use all that the machine has.
	if level, err := priority.Raise(); err != nil {
		slog.Warn("answers may be late on a busy machine", "priority", level, "reason", err)
	}
	p := &pop{path: path, cfg: cfg, started: time.Now(), reads: make(chan chan control.Settings)}
	if p.key, err = state.Key(cfg.StateDir); err != nil {
		return err
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	// The door first: a second PoP finds it shut before it touches the devices.
	server, err := control.Serve(cfg.RunDir, control.Handlers{Status: p.status, Settings: p.managers, ReadSettings: p.readSettings})
	if err != nil {
		return err
	}
	err = p.open()
	if err == nil {
		p.serve(both)
		err = p.run(ctx, again)
	}
	return errors.Join(err, server.Close())
}

func (p *pop) open() (err error) {
	cfg := p.cfg
	fence, err := egress.Open(egress.Config{Uplink: cfg.Uplink.Name, Primary: cfg.Devices.Primary, Secondary: cfg.Devices.Secondary,
		Witness: netip.AddrPortFrom(cfg.Witness.Address, uint16(cfg.Witness.Port))})
	if err != nil {
		return err
	}
	h, err := hub.Open(cfg, p.key, []string{"/proc/self/exe", deviceUse}, fence)
	if err != nil {
		return errors.Join(err, fence.Close())
	}
	p.mu.Lock()
	p.fence, p.hub = fence, h
	p.mu.Unlock()
	if err := p.openWitness(); err != nil {
		return errors.Join(err, h.Close(), fence.Close())
	}
	return nil
}

func (p *pop) run(ctx context.Context, again <-chan os.Signal) error {
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { p.hub.Run(watching) })
	watch.Go(p.listen)
	for ctx.Err() == nil {
		select {
		case <-again:
			p.reload()
		case told := <-p.reads:
			p.reload()
			s, _ := p.managers(ctx)
			told <- s
		case <-ctx.Done():
		}
	}
	stop()
	_ = p.socket.Close() // ends listen
	watch.Wait()
	// The devices first: without its rules the PoP would forward what it likes.
	return errors.Join(p.hub.Close(), p.fence.Close())
}

// serve makes the settings' sites those that are served.
func (p *pop) serve(both *joined) {
	cfg, told := both.Config, []control.Refusal{}
	for _, problem := range both.refused {
		slog.Error("a site isn't served as the settings say", "reason", problem.String())
		told = append(told, control.Refusal{Line: problem.Line, Path: problem.Path, Reason: problem.Text})
	}
	p.mu.Lock()
	p.refused, p.problems = told, []string{}
	p.mu.Unlock()
	if both.unusable != nil {
		slog.Error("only the file's sites are served", "reason", both.unusable)
		p.problem(both.unusable.Error())
	}
	if err := p.hub.Serve(cfg.Sites); err != nil {
		slog.Error("not all of the settings took effect", "reason", err)
		p.problem(err.Error())
	}
	// After the hub, whose ways a granted term sets.
	if err := p.witness.Serve(witnessSites(cfg.Sites)); err != nil {
		slog.Error("the witness doesn't serve all sites", "reason", err)
		p.problem(err.Error())
	}
	p.mu.Lock()
	p.settings = both.told()
	p.mu.Unlock()
	slog.Info("serving", "sites", len(cfg.Sites), "problems", len(both.refused), "generation", both.generation)
}

// problem adds one to the status, until the settings are read again.
func (p *pop) problem(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.problems, text) {
		p.problems = append(p.problems, text)
	}
}

// reload reads the settings anew. Those that can't be used change nothing.
func (p *pop) reload() {
	both, err := load(p.path)
	if err == nil {
		err = both.unusable
	}
	if err != nil {
		slog.Error("the settings can't be used; all stays as it was", "reason", err)
		p.problem("the settings on the disk can't be used: " + err.Error())
		p.mu.Lock()
		p.settings.Problem = err.Error()
		if both != nil {
			p.settings.Tried = both.generation
		}
		p.mu.Unlock()
		return
	}
	p.serve(both)
	if !sameBase(both.Config, p.cfg) {
		slog.Warn("of the settings only the sites can change while the PoP runs")
		p.problem("settings other than the sites have changed, and take effect at the next start")
	}
}

// sameBase reports whether two files differ in their sites at most.
func sameBase(a, b *config.Config) bool {
	return a.Name == b.Name && a.StateDir == b.StateDir && a.RunDir == b.RunDir && a.Uplink == b.Uplink &&
		a.Listen == b.Listen && a.Devices == b.Devices && a.Witness == b.Witness
}

func (p *pop) status(ctx context.Context) (control.Status, error) {
	p.mu.Lock()
	h, fence := p.hub, p.fence
	p.mu.Unlock()
	if h == nil || p.witness == nil {
		return control.Status{}, errors.New("the PoP is starting")
	}
	devices, sites, err := p.rates.Status(ctx, h)
	if ctx.Err() != nil {
		return control.Status{}, ctx.Err()
	}
	dropped, failed := fence.Dropped()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := control.Status{Name: p.cfg.Name, Version: site.Release, Started: p.started, PublicKey: p.key.Public(),
		Devices: devices, Settings: p.settings, Sites: []control.Site{}, Refused: p.refused, Dropped: dropped, Questions: p.witness.Counts(), Problems: slices.Clone(p.problems)}
	for _, e := range []error{err, failed} {
		if e != nil {
			s.Problems = append(s.Problems, e.Error())
		}
	}
	for _, one := range sites {
		listed := control.Site{SiteStatus: one}
		if w, ok := p.witness.Status(uint64(one.ID)); ok {
			listed.Witness = &w
		}
		s.Sites = append(s.Sites, listed)
	}
	return s, nil
}
