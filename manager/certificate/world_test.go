package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// issue makes a certificate of nobody's for a name, in PEM, and its key.
func issue(t *testing.T, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fine(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: until.Add(-365 * 24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	fine(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	fine(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// pair is two files.
type pair struct{ cert, key string }

func newPair(t *testing.T) pair {
	dir := t.TempDir()
	return pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

func (p pair) write(t *testing.T, cert, key []byte) {
	t.Helper()
	if cert != nil {
		fine(t, os.WriteFile(p.cert, cert, 0o600))
	}
	if key != nil {
		fine(t, os.WriteFile(p.key, key, 0o600))
	}
}

// serve has a port on loopback that shows a source's certificates, until the
// test ends.
func serve(t *testing.T, source Source) *net.TCPAddr {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: source, MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2", ALPN}})
	fine(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).HandshakeContext(t.Context())
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		fine(t, listener.Close())
		<-done
	})
	return listener.Addr().(*net.TCPAddr)
}

// shows is who is named by the certificate that a client of that name gets.
func shows(t *testing.T, source Source, name string) string {
	t.Helper()
	cert, err := source(&tls.ClientHelloInfo{ServerName: name})
	fine(t, err)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	fine(t, err)
	return leaf.Subject.CommonName
}

// fixed shows one certificate to all.
func fixed(t *testing.T, name string) Source {
	cert, key := issue(t, name, time.Now().Add(time.Hour))
	made, err := tls.X509KeyPair(cert, key)
	fine(t, err)
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &made, nil }
}
