// Package authority is the manager's own small certificate authority. It signs
// the managers' certificates and the devices', and nobody else believes it: a
// device knows it by the fingerprint in its enrolment key.
//
// There is no list of revoked certificates: a void serial number is refused by
// name (manager/fleet), at once.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
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
	"sync"
	"time"

	"releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

const (
	fileName   = "authority.pem"
	lifeOfCA   = 30 * 365 * 24 * time.Hour
	life       = 90 * 24 * time.Hour
	renewAt    = 30 * 24 * time.Hour // what is left of life when a certificate is renewed
	skew       = time.Hour           // a device's clock may be behind
	maxRequest = 8 << 10
)

// Authority signs. Its methods may be called by several goroutines.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// Open opens the authority in a folder, or makes one there. Managers that serve
// together have the same.
func Open(path string) (_ *Authority, err error) {
	folder, err := disk.Own(path)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	raw, err := folder.Read(fileName)
	if errors.Is(err, fs.ErrNotExist) {
		if raw, err = create(time.Now()); err == nil {
			err = disk.Replace(folder, fileName, raw)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	a, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("authority: %s in %s: %w\nhint: bring the file back from a backup; with another authority every device has to be enrolled again", fileName, path, err)
	}
	return a, nil
}

func create(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          number(),
		Subject:               pkix.Name{CommonName: "Releve authority"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lifeOfCA),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...), nil
}

// number is a certificate's: 127 bits, so that nobody counts (RFC 5280, 4.1.2.2).
func number() *big.Int {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	raw[0] &= 0x7f
	return new(big.Int).SetBytes(raw[:])
}

func parse(raw []byte) (*Authority, error) {
	pair, err := tls.X509KeyPair(raw, raw)
	if err != nil {
		return nil, err
	}
	key, is := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !is || !pair.Leaf.IsCA {
		return nil, errors.New("it has no authority's certificate and ECDSA key")
	}
	return &Authority{key: key, cert: pair.Leaf}, nil
}

// Certificate is the authority's own.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Fingerprint is the SHA-256 of the authority's certificate.
func (a *Authority) Fingerprint() [32]byte { return sha256.Sum256(a.cert.Raw) }

// Request is a checked request for a certificate.
type Request struct{ public *ecdsa.PublicKey }

// ReadRequest checks a PKCS #10 request: that its sender has the key, which is of
// the one kind that devices make. Whom the request names doesn't count.
func ReadRequest(der []byte) (Request, error) {
	if len(der) > maxRequest {
		return Request{}, fmt.Errorf("a certificate request of %d bytes, more than %d", len(der), maxRequest)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return Request{}, fmt.Errorf("certificate request: %w", err)
	}
	public, is := request.PublicKey.(*ecdsa.PublicKey)
	if !is || public.Curve != elliptic.P256() {
		return Request{}, errors.New("certificate request: its key isn't of ECDSA on P-256")
	}
	if err := request.CheckSignature(); err != nil {
		return Request{}, fmt.Errorf("certificate request: %w", err)
	}
	return Request{public}, nil
}

// KeyHash names the request's key: SHA-256 of its SubjectPublicKeyInfo, in hex.
func (r Request) KeyHash() string {
	der, err := x509.MarshalPKIXPublicKey(r.public)
	if err != nil {
		panic("authority: a checked key: " + err.Error())
	}
	return fmt.Sprintf("%x", sha256.Sum256(der))
}

// Device signs for a device, which its certificate names by the serial number
// alone. The chain is the certificate and the authority's, DER.
func (a *Authority) Device(serial site.Serial, r Request, now time.Time) ([][]byte, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: string(serial)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, r.public, now)
}

func (a *Authority) sign(template *x509.Certificate, public *ecdsa.PublicKey, now time.Time) ([][]byte, error) {
	template.SerialNumber = number()
	template.NotBefore, template.NotAfter = now.Add(-skew), now.Add(life)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	cert, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("signing for %s: %w", template.Subject.CommonName, err)
	}
	return [][]byte{cert, a.cert.Raw}, nil
}

// Server returns what tls.Config.GetCertificate wants: a certificate of the
// manager for channel.ServerName and the names and addresses given, which is
// signed anew before it is over.
func (a *Authority) Server(names ...string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	var present *tls.Certificate
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if present != nil && present.Leaf.NotAfter.Sub(now) > renewAt {
			return present, nil
		}
		fresh, err := a.server(names, now)
		if err != nil {
			return nil, err
		}
		present = fresh
		return present, nil
	}
}

func (a *Authority) server(names []string, now time.Time) (*tls.Certificate, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: channel.ServerName},
		DNSNames:    []string{channel.ServerName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	chain, err := a.sign(template, &key.PublicKey, now)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}

// TicketKeys are for tls.Config.SetSessionTicketKeys: the same with every manager
// of this authority and after a restart, so that devices that come back all at
// once cost less. They change daily.
func (a *Authority) TicketKeys(now time.Time) ([][32]byte, error) {
	var keys [][32]byte
	for _, day := range []time.Time{now, now.Add(-24 * time.Hour)} {
		key, err := a.Secret("session tickets " + day.UTC().Format(time.DateOnly))
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Secret is one for a use, which every manager of this authority has, and nobody
// else. From it neither the authority's key nor another use's can be found.
func (a *Authority) Secret(use string) ([32]byte, error) {
	secret, err := a.key.Bytes()
	if err != nil {
		return [32]byte{}, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "releve "+use, 32)
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(key), nil
}
