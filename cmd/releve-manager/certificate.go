package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/certificate"
)

// shown is which certificate the manager shows to people; none of these: its
// own authority's.
type shown struct {
	cert, key string
	acme      certificate.ACME
}

func (s *shown) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.cert, "tls-cert", "", "certificate to show to people, PEM with its chain; read anew when it changes")
	cmd.Flags().StringVar(&s.key, "tls-key", "", "its key, PEM")
	cmd.Flags().StringSliceVar(&s.acme.Domains, "acme-domain", nil, "get a certificate for this name by ACME; port 443 of it must reach this manager")
	cmd.Flags().StringVar(&s.acme.Email, "acme-email", "", "where the certificate's CA may write to")
	cmd.Flags().StringVar(&s.acme.Directory, "acme-directory", "", "the ACME server; default: Let's Encrypt")
	cmd.MarkFlagsMutuallyExclusive("tls-cert", "acme-domain")
}

// settle checks what was given, and opens it. The names are those that the
// certificate is for, as far as they are known; run works until its context ends.
func (s *shown) settle(data string, log *slog.Logger) (public func(own certificate.Source) certificate.Source, run func(context.Context), err error) {
	switch {
	case len(s.acme.Domains) > 0:
		s.acme.Cache, s.acme.Log = filepath.Join(data, "acme"), log
		automatic, err := certificate.Obtain(s.acme)
		if err != nil {
			return nil, nil, err
		}
		return automatic.Source, func(ctx context.Context) { automatic.Warm(ctx, 10*time.Minute) }, nil
	case s.acme.Email != "" || s.acme.Directory != "":
		return nil, nil, errors.New("ACME without a domain\nhint: --acme-domain names those by which the manager is reached from the Internet")
	case s.cert != "" || s.key != "":
		files, err := certificate.OpenFiles(s.cert, s.key, time.Now, log)
		if err != nil {
			return nil, nil, err
		}
		return func(certificate.Source) certificate.Source { return files.Get }, nil, nil
	}
	return func(own certificate.Source) certificate.Source { return own }, nil, nil
}

// protocols are those of the port besides HTTP.
func (s *shown) protocols() []string {
	if len(s.acme.Domains) > 0 {
		return []string{certificate.ALPN}
	}
	return nil
}

// showing is the port's certificate: the authority's for devices and for who
// pins its fingerprint, the public one for all others.
func (m *manager) showing(names []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	own := certificate.Source(m.authority.Server(names...))
	return certificate.Beside(own, m.public(own), channel.ServerName)
}

// background runs until the manager is closed.
func (m *manager) background(run func(context.Context)) {
	if run == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	m.closers = append(m.closers, func() error { stop(); <-done; return nil })
}
