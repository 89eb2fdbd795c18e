package certificate

import (
	"crypto/tls"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"releve.dev/releve/manager/certificate/acmetest"
)

func ask(t *testing.T, l *acmetest.Server, folder string, j *journal, domains ...string) *Automatic {
	t.Helper()
	a, err := Obtain(ACME{Domains: domains, Email: "ops@manager.example", Directory: l.Directory(), Cache: folder, HTTP: l.Client(), Log: j.log()})
	fine(t, err)
	return a
}

// A name's certificate comes from the ACME server, which looks at the very port
// that it is for; devices and other names go on as before; the next start has it
// from the disk.
func TestACME(t *testing.T) {
	var source atomic.Pointer[Source]
	address := serve(t, func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return (*source.Load())(hello) })
	l, folder, own := acmetest.Start(t, address.Port), t.TempDir(), fixed(t, "own")
	for _, start := range []string{"first", "second"} {
		j := &journal{}
		a := ask(t, l, folder, j, "Manager.example.net")
		made := Beside(own, a.Source(own), "releve-manager")
		source.Store(&made)
		before := l.Asked()
		if start == "first" {
			a.Warm(t.Context(), time.Second)
		}
		conn, err := tls.Dial("tcp", address.String(), &tls.Config{ServerName: "manager.example.net", RootCAs: l.Roots, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatalf("the %s start: %v\n%s", start, err, j)
		}
		fine(t, conn.Close())
		if asked := l.Asked() - before; start == "second" && asked != 0 {
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
	l, j := acmetest.Start(t, elsewhere.Port), &journal{}
	a := ask(t, l, t.TempDir(), j, "manager.example.net", acmetest.Blocked)
	source := a.Source(fixed(t, "own"))
	for _, name := range []string{"manager.example.net", acmetest.Blocked} {
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
