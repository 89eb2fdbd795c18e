package line

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

const (
	identityFile = "identity.pem" // key, certificate, the authority's certificate
	pendingFile  = "enrol.pem"    // the key that a certificate was asked for
)

// renewAt is what is left of the certificate's life when another is asked for.
const renewAt = 30 * 24 * time.Hour

// Identity is who this device is to the manager, and whom it takes for the manager.
type Identity struct {
	Serial    site.Serial
	NotAfter  time.Time
	pair      tls.Certificate
	authority *x509.CertPool
	ca        *x509.Certificate
}

// ErrNotEnrolled says that there is no identity yet.
var ErrNotEnrolled = errors.New("this device isn't enrolled\nhint: print its key at the manager (releve socket enrol-key, releve pop enrol-key), and enrol it here")

// LoadIdentity reads what Enrol and Save have kept.
func LoadIdentity(folder disk.Folder) (*Identity, error) {
	raw, err := folder.Read(identityFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotEnrolled
	}
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	pair, err := tls.X509KeyPair(raw, raw)
	if err != nil {
		return nil, fmt.Errorf("identity: %s: %w", identityFile, err)
	}
	return identityOf(pair)
}

// identityOf checks a pair: its certificate is signed by the authority behind it.
// Whether it is over is for the manager to say.
func identityOf(pair tls.Certificate) (*Identity, error) {
	if len(pair.Certificate) < 2 || pair.Leaf == nil {
		return nil, errors.New("identity: a chain without its authority")
	}
	ca, err := x509.ParseCertificate(pair.Certificate[len(pair.Certificate)-1])
	if err != nil {
		return nil, fmt.Errorf("identity: the authority's certificate: %w", err)
	}
	if err := pair.Leaf.CheckSignatureFrom(ca); err != nil {
		return nil, fmt.Errorf("identity: not signed by the authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return &Identity{Serial: site.Serial(pair.Leaf.Subject.CommonName), NotAfter: pair.Leaf.NotAfter, pair: pair, authority: pool, ca: ca}, nil
}

// Old says that a certificate for a new key is to be asked for.
func (i *Identity) Old() bool { return time.Until(i.NotAfter) <= renewAt }

// TLS is what a session is made with.
func (i *Identity) TLS(cache tls.ClientSessionCache) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: i.authority, ServerName: channel.ServerName,
		Certificates: []tls.Certificate{i.pair}, ClientSessionCache: cache,
	}
}

// Successor is the identity that a renewal has brought, if it is one: of the same
// device, by the same authority, for the key that was made here.
func (i *Identity) Successor(key *ecdsa.PrivateKey, chain [][]byte) (*Identity, error) {
	next, err := assemble(key, chain)
	if err != nil {
		return nil, err
	}
	if next.Serial != i.Serial || !next.ca.Equal(i.ca) {
		return nil, fmt.Errorf("identity: a certificate of %s instead of %s, or by another authority", next.Serial, i.Serial)
	}
	return next, nil
}

// assemble joins a key and the chain for it.
func assemble(key *ecdsa.PrivateKey, chain [][]byte) (*Identity, error) {
	if len(chain) == 0 {
		return nil, errors.New("identity: no certificate")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("identity: a certificate for another key")
	}
	return identityOf(tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf})
}

// Save makes it the identity on the disk.
func (i *Identity) Save(folder disk.Folder) error {
	key, is := i.pair.PrivateKey.(*ecdsa.PrivateKey)
	if !is {
		return errors.New("identity: not a key of ours")
	}
	raw, err := encodeKey(key)
	if err != nil {
		return err
	}
	for _, cert := range i.pair.Certificate {
		raw = append(raw, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
	}
	if err := disk.Replace(folder, identityFile, raw); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// NewKey makes a device's key.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func decodeKey(raw []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, is := any.(*ecdsa.PrivateKey)
	if !is {
		return nil, errors.New("not an ECDSA key")
	}
	return key, nil
}

// Request is a PKCS #10 request for a key; the manager knows whom it is from.
func Request(key *ecdsa.PrivateKey) ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
}

// pinned believes only a manager whose authority has the fingerprint: its chain
// brings the authority's certificate along.
func pinned(fingerprint [32]byte) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: channel.ServerName,
		InsecureSkipVerify: true, // VerifyConnection does it, from a root that isn't known before
		VerifyConnection: func(state tls.ConnectionState) error {
			for _, cert := range state.PeerCertificates {
				if sha256.Sum256(cert.Raw) != fingerprint {
					continue
				}
				roots := x509.NewCertPool()
				roots.AddCert(cert)
				_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: channel.ServerName})
				return err
			}
			return errors.New("this isn't the manager that the key is of: its authority has another fingerprint")
		},
	}
}
