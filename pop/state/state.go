// Package state is what of a PoP must survive a reboot: its private key, and the
// place of its witness's record.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"releve.dev/releve/tunnel"
)

const (
	keyName     = "private.key"
	witnessName = "witness"
)

// WitnessDir is where the witness's record is kept. If it is there, a site without
// a record is new; if not, the PoP has lost its record (docs/decisions/0006).
func WitnessDir(dir string) string { return filepath.Join(dir, witnessName) }

// Init makes the directory of a new PoP: an empty record store first, then a key.
// One that has a key is left as it is, whatever it lacks: a store made there would
// say that no site has a record yet.
func Init(dir string) (key tunnel.Key, made bool, err error) {
	if key, err = Key(dir); !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if err := os.MkdirAll(WitnessDir(dir), 0o700); err != nil {
		return key, false, fmt.Errorf("state directory: %w", err)
	}
	key = tunnel.GenerateKey()
	if err := write(filepath.Join(dir, keyName), key.String()+"\n"); err != nil {
		return key, false, fmt.Errorf("state directory: %w", err)
	}
	return key, true, nil
}

// write makes a file whole or not at all, on the disk when it returns.
func write(path, text string) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Key reads the private key. The error wraps fs.ErrNotExist where Init was never run.
func Key(dir string) (key tunnel.Key, err error) {
	path := filepath.Join(dir, keyName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return key, fmt.Errorf("no private key in %s: %w\nhint: releve-pop init makes one", dir, fs.ErrNotExist)
	}
	if err != nil {
		return key, fmt.Errorf("private key: %w", err)
	}
	if err := key.UnmarshalText([]byte(strings.TrimSpace(string(text)))); err != nil {
		return key, fmt.Errorf("what is in %s %w", path, err)
	}
	return key, nil
}
