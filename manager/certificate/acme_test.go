package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// letsEncrypt is Let's Encrypt's own test server, Pebble, on loopback. It finds
// each name at 127.0.0.1, and looks there at a port of ours whether the name is
// ours.
type letsEncrypt struct {
	*httptest.Server
	roots *x509.CertPool
	asked atomic.Int64
}

func startLetsEncrypt(t *testing.T, port int) *letsEncrypt {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	fine(t, store.AddBlockedDomain("blocked.example.net"))
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	front := wfe.New(quiet, store, va.New(quiet, 9, port, true, startNames(t, quiet), store), issuer, []string{"pebble.example"}, true, false, 1, 1)
	l := &letsEncrypt{roots: x509.NewCertPool()}
	handler := front.Handler()
	l.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	block, _ := pem.Decode(issuer.GetRootCert(0).PEM())
	root, err := x509.ParseCertificate(block.Bytes)
	fine(t, err)
	l.roots.AddCert(root)
	return l
}

// startNames is a DNS server for which each name is 127.0.0.1.
func startNames(t *testing.T, quiet *log.Logger) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	fine(t, err)
	address := free.Addr().String()
	fine(t, free.Close())
	names, err := challtestsrv.New(challtestsrv.Config{Log: quiet, DNSAddrs: []string{address}})
	fine(t, err)
	names.SetDefaultDNSIPv6("")
	go names.Run()
	t.Cleanup(names.Shutdown)
	return address
}

func (l *letsEncrypt) ask(t *testing.T, folder string, j *journal, domains ...string) *Automatic {
	t.Helper()
	a, err := Obtain(ACME{Domains: domains, Email: "ops@manager.example", Directory: l.URL + "/dir", Cache: folder, HTTP: l.Client(), Log: j.log()})
	fine(t, err)
	return a
}

// A name's certificate comes from the ACME server, which looks at the very port
// that it is for; devices and other names go on as before; the next start has it
// from the disk.
func TestACME(t *testing.T) {
	var source atomic.Pointer[Source]
	address := serve(t, func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return (*source.Load())(hello) })
	l, folder, own := startLetsEncrypt(t, address.Port), t.TempDir(), fixed(t, "own")
	for _, start := range []string{"first", "second"} {
		j := &journal{}
		a := l.ask(t, folder, j, "Manager.example.net")
		made := Beside(own, a.Source(own), "releve-manager")
		source.Store(&made)
		before := l.asked.Load()
		if start == "first" {
			a.Warm(t.Context(), time.Second)
		}
		conn, err := tls.Dial("tcp", address.String(), &tls.Config{ServerName: "manager.example.net", RootCAs: l.roots, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatalf("the %s start: %v\n%s", start, err, j)
		}
		fine(t, conn.Close())
		if asked := l.asked.Load() - before; start == "second" && asked != 0 {
			t.Errorf("the second start asked the CA %d times", asked)
		}
		for _, name := range []string{"releve-manager", "localhost", ""} {
			if got := shows(t, made, name); got != "own" {
				t.Errorf("%q is shown %s", name, got)
			}
		}
	}
}

// A name that the CA refuses, or that isn't ours, has no certificate; the log
// says why, once a minute however many ask.
func TestACMERefused(t *testing.T) {
	elsewhere := serve(t, fixed(t, "somebody else"))
	l, j := startLetsEncrypt(t, elsewhere.Port), &journal{}
	a := l.ask(t, t.TempDir(), j, "manager.example.net", "blocked.example.net")
	source := a.Source(fixed(t, "own"))
	for _, name := range []string{"manager.example.net", "blocked.example.net"} {
		if cert, err := source(&tls.ClientHelloInfo{ServerName: name}); err == nil {
			t.Errorf("%s: a certificate for %v", name, cert.Leaf.DNSNames)
		}
	}
	if n := strings.Count(j.String(), "no certificate by ACME"); n != 1 {
		t.Errorf("told %d times:\n%s", n, j)
	}
}

func TestObtainRefuses(t *testing.T) {
	for _, c := range []ACME{{}, {Domains: []string{"10.1.2.3"}}, {Domains: []string{"localhost"}}, {Domains: []string{"*.example.net"}},
		{Domains: []string{"manager.example:443"}}, {Domains: []string{""}},
		{Domains: []string{"manager.example"}, Directory: "http://ca.example/dir"}, {Domains: []string{"manager.example"}, Directory: "ca"}} {
		if _, err := Obtain(c); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
