package join

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"releve.dev/releve/slots"
	"releve.dev/releve/tunnel"
)

// KeyFile is where a vSocket's own WireGuard key is, in its folder of what the
// manager knows of it.
const KeyFile = "tunnel.key"

// OwnKey reads the vSocket's WireGuard key, and makes it if there is none: once,
// whichever of the agent and the channel asks first. Only its public half ever
// leaves the VM.
func OwnKey(folder string) (tunnel.Key, error) {
	path := filepath.Join(folder, KeyFile)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(folder, path); err == nil {
			key, err = readKey(path)
		}
	}
	if err != nil {
		return key, fmt.Errorf("this vSocket's own key: %w", err)
	}
	return key, nil
}

func readKey(path string) (key tunnel.Key, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	if err := key.UnmarshalText([]byte(strings.TrimSpace(string(text)))); err != nil {
		return key, fmt.Errorf("%s: %w\nhint: take the file away: another key is made, and the manager and the PoPs are told", path, err)
	}
	return key, nil
}

// makeKey leaves a whole key, durably, and never replaces one.
func makeKey(folder, path string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(folder, KeyFile+".*.new") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(tunnel.GenerateKey().String() + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return slots.SyncDir(folder)
}
