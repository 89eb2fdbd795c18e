package world

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"releve.dev/releve/core/event"
	"releve.dev/releve/disk"
	"releve.dev/releve/vsocket/spool"
)

// looker is the life in whose name the lab opens a copy of a spool: it writes
// nothing to it.
const looker = 1

// Spooled lists the events on a vSocket's disk that the manager hasn't
// acknowledged, under the ids that it will keep them by. The channel beside may go
// on writing.
func (w *World) Spooled(node string) ([]event.Event, error) {
	original := filepath.Join(w.stateDir(node), "events")
	if _, err := os.Stat(original); os.IsNotExist(err) {
		return nil, nil
	}
	aside, err := os.MkdirTemp(w.dir, "spool-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(aside)
	if err := copySpool(aside, original); err != nil {
		return nil, fmt.Errorf("copy the spool of the %s: %w", node, err)
	}
	return readSpool(aside)
}

// copySpool copies files one by one. One may go meanwhile, once the manager has
// all that is in it.
func copySpool(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		switch {
		case os.IsNotExist(err):
			continue
		case err == nil:
			err = os.WriteFile(filepath.Join(to, e.Name()), text, fs.FileMode(0o600))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readSpool(folder string) (all []event.Event, err error) {
	owned, err := disk.Own(folder)
	if err != nil {
		return nil, err
	}
	defer owned.Close()
	s, err := spool.Open(owned, spool.Options{Boot: looker})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	records, err := s.Take(int(^uint(0)>>1), int(^uint(0)>>1))
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Class == spool.Takeover {
			continue
		}
		e, err := event.Decode(r.Body)
		if err != nil {
			return nil, fmt.Errorf("an event in a spool: %w", err)
		}
		e.ID.Boot, e.ID.Number = fmt.Sprintf("%016x", r.ID.Boot), r.ID.Number
		all = append(all, e)
	}
	return all, nil
}
