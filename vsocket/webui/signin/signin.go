// Package signin is who may see a vSocket's pages: one local administrator with a
// password, whose hash is the only thing kept. Sessions are in memory; they end
// when nobody has used them for ten minutes (management.md section 4), when the
// password changes, and with the process.
package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/disk"
	"releve.dev/releve/password"
)

// Idle is how long a session outlives its last use.
const Idle = 10 * time.Minute

// MostSessions is how many there may be at once; the one longest unused ends first.
const MostSessions = 32

// The errors on which a page decides.
var (
	ErrWrong   = errors.New("the password is wrong")
	ErrTooMany = errors.New("too many attempts\nhint: wait a minute")
	ErrWeak    = fmt.Errorf("a password has %d characters at least, and %d bytes at most", password.Shortest, password.Longest)
)

// Door lets the administrator in. It is safe for concurrent use.
type Door struct {
	folder string
	now    func() time.Time
	hasher password.Hasher
	limit  limiter

	mu       sync.Mutex
	sessions map[[sha256.Size]byte]*session
}

type session struct {
	hash string // of the password that it was begun with
	used time.Time
}

// kept is the file.
type kept struct {
	Hash  string `json:"hash"`
	First bool   `json:"first"` // nobody has chosen it
}

// file is where the password's hash is.
const file = "password"

// Open uses the password that is kept in folder, which may hold none yet.
func Open(folder string, now func() time.Time) *Door {
	return &Door{folder: folder, now: now, hasher: password.NewHasher(2),
		limit: limiter{now: now, buckets: map[string]*bucket{}}, sessions: map[[sha256.Size]byte]*session{}}
}

// First makes a password if there is none yet, and returns it: it can't be read
// again. "" means that there is one.
func (d *Door) First(ctx context.Context) (string, error) {
	if _, err := d.read(); !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	chosen := random(10)
	return chosen, d.write(ctx, chosen, true)
}

// Set replaces the password, and ends all sessions.
func (d *Door) Set(ctx context.Context, chosen string) error {
	if !password.Takes(chosen) {
		return ErrWeak
	}
	return d.write(ctx, chosen, false)
}

// Change is Set by who knows the present one; from tells where they are.
func (d *Door) Change(ctx context.Context, from, present, chosen string) error {
	if _, err := d.check(ctx, from, present); err != nil {
		return err
	}
	return d.Set(ctx, chosen)
}

// SignIn begins a session, and returns the secret by which it is known.
func (d *Door) SignIn(ctx context.Context, from, given string) (secret string, err error) {
	hash, err := d.check(ctx, from, given)
	if err != nil {
		return "", err
	}
	return d.begin(hash), nil
}

func (d *Door) begin(hash string) (secret string) {
	secret = random(20)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	if len(d.sessions) >= MostSessions {
		d.endOldest()
	}
	d.sessions[sha256.Sum256([]byte(secret))] = &session{hash: hash, used: d.now()}
	return secret
}

func (d *Door) check(ctx context.Context, from, given string) (hash string, err error) {
	if !d.limit.takes(from) {
		return "", ErrTooMany
	}
	k, err := d.read()
	if err != nil {
		return "", err
	}
	fits, err := d.hasher.Fits(ctx, given, k.Hash)
	switch {
	case err != nil:
		return "", err
	case !fits:
		return "", ErrWrong
	}
	d.limit.forget(from)
	return k.Hash, nil
}

// Session reports whether a secret is a session's. With use that counts as one;
// a page that goes on by itself must not keep a session alive.
func (d *Door) Session(secret string, use bool) bool {
	k, err := d.read()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	s := d.sessions[sha256.Sum256([]byte(secret))]
	if err != nil || s == nil || s.hash != k.Hash {
		return false
	}
	if use {
		s.used = d.now()
	}
	return true
}

// Initial reports whether nobody has chosen the password yet.
func (d *Door) Initial() bool {
	k, err := d.read()
	return err == nil && k.First
}

// SignOut ends a session.
func (d *Door) SignOut(secret string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, sha256.Sum256([]byte(secret)))
}

// sweep ends what is over.
func (d *Door) sweep() {
	maps.DeleteFunc(d.sessions, func(_ [sha256.Size]byte, s *session) bool { return d.now().Sub(s.used) >= Idle })
}

func (d *Door) endOldest() {
	var oldest [sha256.Size]byte
	var at time.Time
	for key, s := range d.sessions {
		if at.IsZero() || s.used.Before(at) {
			oldest, at = key, s.used
		}
	}
	delete(d.sessions, oldest)
}

// read is done anew each time: the command line may have changed it.
func (d *Door) read() (k kept, err error) {
	text, err := os.ReadFile(filepath.Join(d.folder, file))
	if err != nil {
		return k, fmt.Errorf("the password of the pages: %w", err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fmt.Errorf("the password of the pages: %w\nhint: releve-vsocket web passwd sets a new one", err)
	}
	return k, nil
}

func (d *Door) write(ctx context.Context, chosen string, first bool) error {
	hash, err := d.hasher.Make(ctx, chosen)
	if err != nil {
		return err
	}
	text, err := json.Marshal(kept{Hash: hash, First: first})
	if err != nil {
		return err
	}
	// Owned for this moment alone: the pages and the command line both write it.
	folder, err := disk.Own(d.folder)
	if err != nil {
		return err
	}
	return errors.Join(disk.Replace(folder, file, append(text, '\n')), folder.Close())
}

// random is a secret of so many bytes, in letters and digits that nobody mixes up.
func random(bytes int) string {
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		panic("signin: " + err.Error())
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}
