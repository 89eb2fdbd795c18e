package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInitOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pop")
	if _, err := Key(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "releve-pop init") {
		t.Errorf("before: %v", err)
	}
	key, made, err := Init(dir)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	if info, err := os.Stat(WitnessDir(dir)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the record store: %v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(dir, keyName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	again, made, err := Init(dir)
	if err != nil || made || again != key {
		t.Errorf("again: %v, %v", made, err)
	}
}

// A PoP that has lost its record must not be told that it is a new one.
func TestInitMakesNoStoreForAnOldKey(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Init(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(WitnessDir(dir)); err != nil {
		t.Fatal(err)
	}
	if _, made, err := Init(dir); made || err != nil {
		t.Error(made, err)
	}
	if _, err := os.Stat(WitnessDir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the record store: %v", err)
	}
}

func TestASpoiledKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, keyName), []byte("secret words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, made, err := Init(dir)
	if made || err == nil || strings.Contains(err.Error(), "secret words") {
		t.Error(made, err)
	}
}
