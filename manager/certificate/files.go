package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEach is how often the files are looked at, at most.
const lookEach = 5 * time.Second

// Files is a certificate and its key in two files, read anew when they change.
type Files struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	present *tls.Certificate
	read    stamp // of the files that present is from, or that couldn't be used
	looked  time.Time
}

// stamp tells a file from what it was.
type stamp struct {
	cert, key     time.Time
	certAt, keyAt int64
}

// OpenFiles reads the two files: PEM, the certificate with those that lead to its CA.
func OpenFiles(cert, key string, now func() time.Time, log *slog.Logger) (*Files, error) {
	if cert == "" || key == "" {
		return nil, errors.New("a certificate needs two files\nhint: give both --tls-cert and --tls-key")
	}
	f := &Files{cert: cert, key: key, now: now, log: log, looked: now()}
	var err error
	if f.read, err = f.stamp(); err != nil {
		return nil, fmt.Errorf("certificate: %w\nhint: --tls-cert and --tls-key name files that the manager may read", err)
	}
	if f.present, err = f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Files) stamp() (stamp, error) {
	cert, err := os.Stat(f.cert)
	if err != nil {
		return stamp{}, err
	}
	key, err := os.Stat(f.key)
	if err != nil {
		return stamp{}, err
	}
	return stamp{cert.ModTime(), key.ModTime(), cert.Size(), key.Size()}, nil
}

func (f *Files) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("certificate: %w\nhint: the manager's user must be able to read it", err)
	case err != nil:
		return nil, fmt.Errorf("certificate %s with key %s: %w\nhint: both are PEM, and the key is that of the first certificate in the file", f.cert, f.key, err)
	case f.now().After(pair.Leaf.NotAfter):
		return nil, fmt.Errorf("certificate %s: it ended at %s\nhint: renew it; the manager reads the new one by itself", f.cert, pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &pair, nil
}

// Get is a Source. A certificate that can't be used, as while only one of its
// two files is new, leaves the one before in place.
func (f *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.looked) < lookEach {
		return f.present, nil
	}
	f.looked = now
	found, err := f.stamp()
	if err == nil && found == f.read {
		return f.present, nil
	}
	f.read = found // a failure is told once, until the files change again
	fresh, failed := f.load()
	if err = errors.Join(err, failed); err != nil {
		f.log.Warn("the new certificate can't be used; the old one stays", slog.Any("reason", err))
		return f.present, nil
	}
	f.present = fresh
	f.log.Info("a new certificate is in use", slog.Time("until", fresh.Leaf.NotAfter))
	return f.present, nil
}
