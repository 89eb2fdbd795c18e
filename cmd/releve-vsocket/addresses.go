package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/disk"
	"releve.dev/releve/vsocket/config"
)

// addresses are the floating IP that the steering goes by, or towards, and those
// before it that may still be on a NIC (R14). While there are such, they are on the
// disk: who restarts in the middle of a change and takes over moves all of them, and
// needs nobody to be told what they are.
type addresses struct {
	To netip.Addr `json:"to"`
	steer.Change
}

// addressesFile is in a folder of its own: the last good settings may be taken away.
const addressesFile = "addresses"

func addressesFolder(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "floating") }

// toward is the same with another floating IP in view. Nobody has said anything of
// the routes to those before it.
func (a addresses) toward(to netip.Addr) addresses {
	next := addresses{To: to}
	for _, addr := range append([]netip.Addr{a.To}, a.Former...) {
		if addr != to && !slices.Contains(next.Former, addr) {
			next.Former = append(next.Former, addr)
		}
	}
	return next
}

// loadAddresses is what a life begins with whose settings have this floating IP:
// one in the middle of a change goes on with it.
func loadAddresses(folder disk.Folder, addr netip.Addr) addresses {
	kept, err := readAddresses(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return addresses{To: addr}
	case err != nil:
		slog.Error("what was kept of a change of the floating IP doesn't count", "error", err)
		return addresses{To: addr}
	case addr == kept.To || slices.Contains(kept.Former, addr):
		return kept
	}
	return kept.toward(addr)
}

func readAddresses(folder disk.Folder) (a addresses, err error) {
	raw, err := folder.Read(addressesFile)
	if err != nil {
		return a, err
	}
	if err = json.Unmarshal(raw, &a); err == nil && !a.To.IsValid() {
		err = errors.New("no floating IP")
	}
	if err != nil {
		return addresses{}, fmt.Errorf("%s: %w", addressesFile, err)
	}
	return a, nil
}

func saveAddresses(folder disk.Folder, a addresses) error {
	raw, err := json.Marshal(a)
	if err != nil {
		panic("releve-vsocket: addresses can't be written: " + err.Error())
	}
	return disk.Replace(folder, addressesFile, raw)
}

func forgetAddresses(folder disk.Folder) error {
	err := folder.Remove(addressesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, folder.SyncFolder())
}
