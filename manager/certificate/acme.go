package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ALPN is the protocol by which the ACME server asks whether the name is ours
// (tls-alpn-01, RFC 8737). It comes to the manager's own port.
const ALPN = acme.ALPNProto

// ACME says whose certificate is to be had, and where.
type ACME struct {
	Domains   []string
	Email     string // where the CA writes to, or ""
	Directory string // the CA's; "": Let's Encrypt's
	Cache     string // a folder for account and certificates
	HTTP      *http.Client
	Log       *slog.Logger
}

// Automatic gets certificates and renews them when two thirds of their life, or
// all but 30 days, are over.
type Automatic struct {
	domains []string
	manager *autocert.Manager
	log     *slog.Logger

	mu   sync.Mutex
	told time.Time
}

// Obtain makes it; nothing is asked of the CA yet.
func Obtain(c ACME) (*Automatic, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	a := &Automatic{log: c.Log}
	for _, d := range c.Domains {
		a.domains = append(a.domains, strings.ToLower(d))
	}
	a.manager = &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.Cache), Email: c.Email,
		HostPolicy: autocert.HostWhitelist(a.domains...),
		Client:     &acme.Client{DirectoryURL: c.Directory, HTTPClient: c.HTTP, UserAgent: "releve-manager"}}
	if c.Directory == "" {
		a.manager.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	return a, nil
}

func (c ACME) check() error {
	if len(c.Domains) == 0 {
		return errors.New("ACME: no domain\nhint: --acme-domain names those by which the manager is reached from the Internet")
	}
	for _, d := range c.Domains {
		if !strings.Contains(strings.Trim(d, "."), ".") || strings.ContainsAny(d, "*:/ ") || strings.Trim(d, "0123456789.") == "" {
			return fmt.Errorf("ACME: %q is no domain\nhint: such as manager.example.com: no address, port or wildcard", d)
		}
	}
	if u, err := url.Parse(c.Directory); c.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return fmt.Errorf("ACME: directory %q isn't an https address\nhint: such as %s", c.Directory, autocert.DefaultACMEDirectory)
	}
	return nil
}

// Source shows the CA's certificate for the domains, and other's for the rest.
func (a *Automatic) Source(other Source) Source {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if !slices.Contains(a.domains, strings.ToLower(hello.ServerName)) {
			return other(hello)
		}
		if slices.Equal(hello.SupportedProtos, []string{ALPN}) {
			return a.manager.GetCertificate(hello) // the CA, which looks whether the name is ours
		}
		return a.get(hello.ServerName)
	}
}

// get asks as a client that takes ECDSA, as each one does that has TLS 1.3 (RFC
// 8446, 9.1). autocert would have an RSA certificate besides for some of them.
func (a *Automatic) get(domain string) (*tls.Certificate, error) {
	cert, err := a.manager.GetCertificate(&tls.ClientHelloInfo{ServerName: domain,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
	if err != nil {
		a.tell(domain, err)
	}
	return cert, err
}

// tell logs a failure, once a minute: a handshake is anybody's to make.
func (a *Automatic) tell(domain string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.told) > time.Minute {
		a.told = now
		a.log.Error("no certificate by ACME; the CA must reach port 443 of this name, and there this manager",
			slog.String("domain", domain), slog.Any("reason", err))
	}
}

// Warm gets what isn't there yet, so that nobody's first visit waits for it. It
// tries again each interval until all are there or ctx ends.
func (a *Automatic) Warm(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		missing := 0
		for _, d := range a.domains {
			if _, err := a.get(d); err != nil {
				missing++
			}
		}
		if missing == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
