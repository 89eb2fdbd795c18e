// Package acmetest is Let's Encrypt's own test server, Pebble, on loopback, for
// tests. It finds each name at 127.0.0.1, and looks there at a port of the test's
// whether the name is whose port it is.
package acmetest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// Blocked is a name that the server refuses.
const Blocked = "blocked.example.net"

// Server is running until its test ends.
type Server struct {
	*httptest.Server
	Roots *x509.CertPool // of the certificates that it gives
	asked atomic.Int64
}

// Directory is where ACME begins.
func (s *Server) Directory() string { return s.URL + wfe.DirectoryPath }

// Asked is how many requests there were.
func (s *Server) Asked() int64 { return s.asked.Load() }

// Start starts a server that looks at the port of loopback.
func Start(t testing.TB, port int) *Server {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	if err := store.AddBlockedDomain(Blocked); err != nil {
		t.Fatal(err)
	}
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	checker := va.New(quiet, 9, port, true, startNames(t, quiet), store)
	front := wfe.New(quiet, store, checker, issuer, []string{"pebble.example"}, true, false, 1, 1)
	handler := front.Handler()
	s := &Server{Roots: x509.NewCertPool()}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	block, _ := pem.Decode(issuer.GetRootCert(0).PEM())
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	s.Roots.AddCert(root)
	return s
}

// startNames is a DNS server for which each name is 127.0.0.1.
func startNames(t testing.TB, quiet *log.Logger) string {
	t.Helper()
	address := FreePort(t).String()
	names, err := challtestsrv.New(challtestsrv.Config{Log: quiet, DNSAddrs: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	names.SetDefaultDNSIPv6("")
	go names.Run()
	t.Cleanup(names.Shutdown)
	return address
}

// FreePort is one of loopback that nobody listens at now.
func FreePort(t testing.TB) *net.TCPAddr {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	return free.Addr().(*net.TCPAddr)
}
