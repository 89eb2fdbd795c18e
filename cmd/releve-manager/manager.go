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
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
)

// manager is one running manager: its parts, wired.
type manager struct {
	log       *slog.Logger
	folder    *disk.Owned
	store     *store.Store
	authority *authority.Authority
	inventory *inventory.Service
	access    *access.Service
	server    *http.Server
	closers   []func() error // the last first
}

func (u *upping) open(ctx context.Context, addr net.Addr, log *slog.Logger) (_ *manager, err error) {
	m := &manager{log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if m.folder, err = u.own(); err != nil {
		return nil, err
	}
	m.closers = append(m.closers, m.folder.Close)
	if m.store, err = store.Open(ctx, u.url()); err != nil {
		return nil, err
	}
	m.closers = append(m.closers, m.store.Close)
	if m.authority, err = authority.Open(u.authority()); err != nil {
		return nil, err
	}
	m.inventory = inventory.New(m.store, inventory.Config{Fingerprint: m.authority.Fingerprint()})
	m.access = access.New(m.store, time.Now)
	served := api.New(api.Parts{Access: m.access, Inventory: m.inventory, Store: m.store, Now: time.Now, Log: log})
	m.server = fleet.Server(served.Handler(), nil, log)
	m.server.TLSConfig = m.tls(u.certificateNames(addr))
	return m, nil
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
	m.log.Info("draining")
	left, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	err := m.server.Shutdown(left)
	if errors.Is(err, context.DeadlineExceeded) {
		m.log.Warn("requests are cut off")
		cut()
		err = m.server.Close()
	}
	return err
}
