package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/webui"
	"releve.dev/releve/vsocket/webui/certificate"
	"releve.dev/releve/vsocket/webui/signin"
)

func now() time.Time { return time.Now() }

// serveWeb serves the pages until ctx ends.
func (o *options) serveWeb(ctx context.Context, cfg *config.Config, listen string) error {
	if err := awaitNames(ctx, &cfg.Interfaces, func(absent error) { slog.Warn("waiting for an interface", "reason", absent) }); err != nil {
		return err
	}
	entrance := signin.Open(webFolder(cfg), now)
	shown := &certificate.Shown{Folder: webFolder(cfg), At: cfg.Interfaces.MGMT.Address.Addr(), Now: now, Fresh: func(own tls.Certificate) {
		slog.Info("the pages have a new certificate", "sha256", certificate.Fingerprint(own))
	}}
	first, err := entrance.First(ctx)
	if err != nil {
		return err
	}
	if first != "" {
		slog.Warn("the pages have a first password, told only here: change it", "password", first)
	}
	own, err := shown.Get(nil)
	if err != nil {
		return err
	}
	agent, err := o.dial()
	if err != nil {
		return err
	}
	fingerprint := certificate.Fingerprint(*own)
	ui := webui.New(webui.Parts{
		Agent: agent, APITest: o.apiTestSteps, Vias: vias,
		Out:  func(via string) (string, error) { return wayOut(cfg, via) },
		Door: entrance, Cookie: strings.ToLower(strings.ReplaceAll(fingerprint[:11], ":", "")), Name: cfg.Site + " · " + cfg.Side.String(),
		Now: now, Log: slog.Default(),
	})
	defer ui.Close()
	listener, err := listenWeb(ctx, cfg, listen)
	if err != nil {
		return err
	}
	through, err := ui.Serve(cfg.RunDir)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	slog.Info("the vSocket's pages are served", "address", "https://"+listener.Addr().String(), "sha256", fingerprint)
	server := &http.Server{
		Handler: ui.Handler(), TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: shown.Get},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug), // who doesn't trust the certificate hangs up
	}
	done := make(chan error, 1)
	go func() { done <- server.ServeTLS(listener, "", "") }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = errors.Join(server.Close(), ctx.Err())
		if why := <-done; !errors.Is(why, http.ErrServerClosed) {
			err = errors.Join(err, why)
		}
	}
	return errors.Join(err, through.Close())
}

// listenWeb listens on MGMT alone: a packet for its address that comes by another
// interface isn't for the pages.
func listenWeb(ctx context.Context, cfg *config.Config, listen string) (net.Listener, error) {
	if listen != "" {
		return net.Listen("tcp", listen)
	}
	mgmt := cfg.Interfaces.MGMT
	bound := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), mgmt.Name) }), err)
	}}
	return bound.Listen(ctx, "tcp", netip.AddrPortFrom(mgmt.Address.Addr(), webPort).String())
}
