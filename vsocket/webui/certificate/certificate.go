// Package certificate is what a vSocket's pages show of themselves: a certificate
// that they have made, since no authority knows a private address. Who trusts it
// compares its fingerprint with the one that the command line prints.
package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/disk"
)

// Browsers of Apple take none that is made for more than 825 days.
const (
	life  = 800 * 24 * time.Hour
	spare = 30 * 24 * time.Hour // a new one is made when less is left
	skew  = time.Hour           // of clocks
)

// file has the certificate and its key.
const file = "web.pem"

// Own is the certificate that is kept in folder, for an address. It is made anew if
// there is none, if it is for another address, or if it is soon over; fresh says so.
func Own(folder disk.Folder, at netip.Addr, now time.Time) (own tls.Certificate, fresh bool, err error) {
	text, err := folder.Read(file)
	if err == nil {
		own, err = parse(text)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return own, false, err
	case own.Leaf.VerifyHostname(at.String()) == nil && now.Before(own.Leaf.NotAfter.Add(-spare)):
		return own, false, nil
	}
	text, err = create(at, now)
	if err != nil {
		return own, false, fmt.Errorf("making the pages' certificate: %w", err)
	}
	if err := disk.Replace(folder, file, text); err != nil {
		return own, false, fmt.Errorf("keeping the pages' certificate: %w", err)
	}
	own, err = parse(text)
	return own, true, err
}

// Read is the certificate that is kept; the error is fs.ErrNotExist if there is none.
func Read(folder string) (tls.Certificate, error) {
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return tls.Certificate{}, err
	}
	return parse(text)
}

func parse(text []byte) (tls.Certificate, error) {
	own, err := tls.X509KeyPair(text, text)
	if err != nil {
		return own, fmt.Errorf("the pages' certificate: %w\nhint: remove the file %s; a new one is made", err, file)
	}
	return own, nil
}

// Fingerprint is SHA-256 of a certificate, as browsers show it.
func Fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func create(at netip.Addr, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "releve-vsocket " + at.String()},
		NotBefore: now.Add(-skew), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IPAddresses: []net.IP{at.AsSlice()},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = errors.Join(pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return text.Bytes(), err
}

// Shown is the certificate that a server shows. It is made anew when it is soon
// over, while the server runs.
type Shown struct {
	Folder string
	At     netip.Addr
	Now    func() time.Time
	Fresh  func(tls.Certificate) // told of each one that is made

	mu  sync.Mutex
	own *tls.Certificate
}

// Get is for tls.Config.GetCertificate.
func (s *Shown) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil && s.Now().Before(s.own.Leaf.NotAfter.Add(-spare)) {
		return s.own, nil
	}
	folder, err := disk.Own(s.Folder) // for this moment alone: the password is there too
	if err != nil {
		return nil, err
	}
	own, fresh, err := Own(folder, s.At, s.Now())
	if err = errors.Join(err, folder.Close()); err != nil {
		return nil, err
	}
	if fresh {
		s.Fresh(own)
	}
	s.own = &own
	return s.own, nil
}
