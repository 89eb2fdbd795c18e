package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/channel"
)

func request(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestOpenTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.Fingerprint() != second.Fingerprint() {
		t.Error("another authority")
	}
	if info, err := os.Stat(filepath.Join(dir, fileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	keys, err := first.TicketKeys(time.Unix(0, 0))
	again, err2 := second.TicketKeys(time.Unix(3600, 0))
	if err != nil || err2 != nil || !slices.Equal(keys, again) || keys[0] == keys[1] {
		t.Errorf("%v, %v: managers with one authority have other ticket keys", err, err2)
	}
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a spoilt file is opened, or replaced")
	}
}

// A device's certificate is good for a device, under its serial number, for 90
// days; a manager's for a manager.
func TestWhatIsSigned(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadRequest(request(t))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	chain, err := a.Device("RLV-1", r, now)
	if err != nil {
		t.Fatal(err)
	}
	device, err := x509.ParseCertificate(chain[0])
	if err != nil {
		t.Fatal(err)
	}
	server, err := a.Server("192.0.2.1", "manager.example")(nil)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	for _, c := range []struct {
		what string
		cert *x509.Certificate
		name string
		use  x509.ExtKeyUsage
		at   time.Time
		good bool
	}{
		{"a device", device, "", x509.ExtKeyUsageClientAuth, now, true},
		{"a device after 89 days", device, "", x509.ExtKeyUsageClientAuth, now.Add(89 * 24 * time.Hour), true},
		{"a device after 91 days", device, "", x509.ExtKeyUsageClientAuth, now.Add(91 * 24 * time.Hour), false},
		{"a device as a manager", device, "", x509.ExtKeyUsageServerAuth, now, false},
		{"a manager", server.Leaf, channel.ServerName, x509.ExtKeyUsageServerAuth, now, true},
		{"a manager by address", server.Leaf, "192.0.2.1", x509.ExtKeyUsageServerAuth, now, true},
		{"a manager by name", server.Leaf, "manager.example", x509.ExtKeyUsageServerAuth, now, true},
		{"a manager by another name", server.Leaf, "other.example", x509.ExtKeyUsageServerAuth, now, false},
		{"a manager as a device", server.Leaf, "", x509.ExtKeyUsageClientAuth, now, false},
	} {
		_, err := c.cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: c.name, KeyUsages: []x509.ExtKeyUsage{c.use}, CurrentTime: c.at})
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if device.Subject.CommonName != "RLV-1" {
		t.Error(device.Subject)
	}
}

// What is no request, or another kind of key, or not signed by it, is refused.
func TestReadRequest(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	forged := request(t)
	forged[len(forged)-1] ^= 1
	for what, der := range map[string][]byte{"nothing": nil, "RSA": other, "forged": forged, "long": make([]byte, maxRequest+1)} {
		if _, err := ReadRequest(der); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, der []byte) {
		if r, err := ReadRequest(der); err == nil && len(r.KeyHash()) != 64 {
			t.Error(r.KeyHash())
		}
	})
}
