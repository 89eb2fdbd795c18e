package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"releve.dev/releve/disk"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/certificate"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/history"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/passage"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/manager/restart"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/manager/ui"
)

// manager is one running manager: its parts, wired.
type manager struct {
	log       *slog.Logger
	folder    *disk.Owned
	store     *store.Store
	bus       fleet.Bus
	authority *authority.Authority
	inventory *inventory.Service
	access    *access.Service
	events    *events.Keeper
	takeovers *takeovers.Keeper
	restart   *restart.Service
	presence  *presence.Service
	news      news
	history   *history.Service
	fleet     *fleet.Fleet
	passages  *passage.Passages
	pages     *ui.UI
	server    *http.Server
	public    func(own certificate.Source) certificate.Source
	protocols []string
	signIn    api.SignIn
	retention status.Retention
	closers   []func() error // the last first
}

func (u *upping) open(ctx context.Context, addr net.Addr, log *slog.Logger) (_ *manager, err error) {
	m := &manager{log: log, retention: status.Retention{Events: time.Duration(u.keepEvents), Figures: status.DefaultRules()}}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if m.folder, err = u.own(); err != nil {
		return nil, err
	}
	m.closers = append(m.closers, m.folder.Close)
	var renew func(context.Context)
	if m.public, renew, err = u.shown.settle(u.data, log); err != nil {
		return nil, err
	}
	m.protocols = u.shown.protocols()
	if m.store, err = store.Open(ctx, u.url()); err != nil {
		return nil, err
	}
	m.closers = append(m.closers, m.store.Close)
	if m.authority, err = authority.Open(u.authority()); err != nil {
		return nil, err
	}
	if err := m.sameAuthority(ctx, u.newAuthority); err != nil {
		return nil, err
	}
	if m.signIn, err = u.signIn.settle(u.address(addr), m.authority); err != nil {
		return nil, err
	}
	if err := m.openBus(ctx, u); err != nil {
		return nil, err
	}
	if err := m.wire(ctx, u.certificateNames(addr)); err != nil {
		return nil, err
	}
	if err := m.front(addr, u); err != nil {
		return nil, err
	}
	m.startChores(m.retainEvents(m.retention.Events), chore{"retention of figures", time.Hour, m.history.Retain})
	m.background(renew)
	return m, nil
}

// wire makes the parts that stand on the database, and the devices' end.
func (m *manager) wire(ctx context.Context, names []string) (err error) {
	m.inventory = inventory.New(m.store, inventory.Config{Fingerprint: m.authority.Fingerprint(), Notify: func(n inventory.Notice) {
		m.bus.Publish(fleet.Wake{Settings: n.Serials, Void: n.Void, Status: []string{n.Site}})
	}})
	m.access = access.New(m.store, time.Now)
	m.events = events.New(m.store, events.Config{Notify: func(account string) {
		m.bus.Publish(fleet.Wake{Events: []string{account}})
	}})
	m.takeovers = takeovers.New(m.store, nil)
	if err := m.openPresence(ctx); err != nil {
		return err
	}
	if m.history, err = history.Open(history.Config{Store: m.store, Rules: m.retention.Figures, Log: m.log}); err != nil {
		return err
	}
	m.closers = append(m.closers, m.history.Close)
	m.wake()
	seen := newSightings(m.events, m.log)
	m.closers = append(m.closers, seen.close)
	m.fleet, err = fleet.Open(ctx, fleet.Config{Authority: m.authority, Inventory: m.inventory, Events: m.events, Takeovers: m.takeovers, Bus: m.bus, Log: m.log,
		Incident: seen.note, Known: m.noteKnown, Sample: sampleEvery, Names: names,
		Certificate: m.showing(names), Protocols: m.protocols})
	if err == nil {
		m.closers = append(m.closers, func() error { m.fleet.Close(); return nil })
	}
	return err
}

// front makes what people and devices come to.
func (m *manager) front(addr net.Addr, u *upping) error {
	config, err := m.fleet.TLS()
	if err != nil {
		return err
	}
	m.restart = &restart.Service{Inventory: m.inventory, Status: m.presence, Fleet: m.fleet}
	people := api.New(api.Parts{Access: m.access, Inventory: m.inventory, Events: m.events, Takeovers: m.takeovers, Restart: m.restart, Fleet: m.fleet, Status: m.presence, History: m.history, Store: m.store,
		Retention: m.retention, Now: time.Now, Log: m.log, SignIn: m.signIn})
	m.openPassages(u.webuiPorts, addr, u.certificateNames(addr))
	m.openPages()
	mux := http.NewServeMux()
	mux.Handle(m.fleet.Handler())
	mux.Handle("/", m.pages.Beside(people.Handler()))
	m.server = fleet.Server(mux, config, m.log)
	return nil
}

// openPages makes what a browser is shown.
func (m *manager) openPages() {
	p := ui.Parts{Access: m.access, Inventory: m.inventory, Events: m.events, Takeovers: m.takeovers, Restart: m.restart, Status: m.presence, Fleet: m.fleet, Passages: m.passages, Retention: m.retention, Now: time.Now, Log: m.log}
	if m.signIn.Provider != nil {
		p.Provider = m.signIn.Provider.Issuer()
	}
	if m.signIn.Passkeys != nil {
		p.Passkeys = m.signIn.Passkeys.Name()
	}
	m.pages = ui.New(p)
}

func (m *manager) close() error {
	var err error
	for i := len(m.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, m.closers[i]())
	}
	m.closers = nil
	return err
}

// serve runs until ctx ends, and lets then finish what has begun.
func (m *manager) serve(ctx context.Context, listener net.Listener, drain time.Duration) error {
	base, cut := context.WithCancel(context.Background())
	defer cut()
	m.server.BaseContext = func(net.Listener) context.Context { return base }
	failed := make(chan error, 1)
	go func() { failed <- m.server.ServeTLS(listener, "", "") }()
	m.log.Info("serving", slog.String("address", listener.Addr().String()))
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return m.drain(drain, cut)
}

// drain sends the vSockets away and lets requests finish, within the time. What
// follows events never finishes, and is cut when the rest should have.
func (m *manager) drain(within time.Duration, cut context.CancelFunc) error {
	m.log.Info("draining", slog.Int("sessions", m.fleet.Sessions()))
	err := inTime(within/2, func(ctx context.Context) error { return m.fleet.Drain(ctx, within/2) })
	if err != nil {
		m.log.Warn("not all vSockets have gone by themselves", slog.Any("reason", err))
	}
	if err = inTime(within/4, m.server.Shutdown); err == nil {
		return nil
	}
	cut()
	if err = inTime(within/4, m.server.Shutdown); err == nil {
		return nil
	}
	m.log.Warn("requests are cut off", slog.Any("reason", err))
	return m.server.Close()
}

func inTime(within time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return do(ctx)
}
