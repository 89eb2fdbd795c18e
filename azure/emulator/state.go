package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"releve.dev/releve/azure/emulator/store"
)

// stateFile is all that outlives a server: the store, and the keys that
// clients trust. It holds secrets of the emulator, so only its owner may read it.
type stateFile struct {
	Store json.RawMessage `json:"store"`
	CA    string          `json:"ca"`
	CAKey string          `json:"caKey"`
	Key   []byte          `json:"tokenKey"`
	Apps  []Application   `json:"applications,omitempty"`
}

// load reads the state file; found is false if there is none.
func (s *Server) load() (found bool, err error) {
	if s.opt.State == "" {
		return false, nil
	}
	data, err := os.ReadFile(s.opt.State)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("state file: %w", err)
	}
	var in stateFile
	if err := json.Unmarshal(data, &in); err != nil {
		return false, fmt.Errorf("state file %s: %w\nhint: move it away to begin anew", s.opt.State, err)
	}
	if s.ca, err = restoreAuthority([]byte(in.CA), []byte(in.CAKey)); err != nil {
		return false, fmt.Errorf("state file %s: %w\nhint: move it away to begin anew", s.opt.State, err)
	}
	s.tokens = &tokens{key: in.Key}
	if s.store, err = store.Restore(in.Store, Now(), s.opt.Store); err != nil {
		return false, fmt.Errorf("state file %s: %w\nhint: move it away to begin anew", s.opt.State, err)
	}
	s.apps = in.Apps
	s.principals(s.store)
	s.saved = s.store.Revision()
	return true, nil
}

// save writes the state file in one step, so that a crash leaves the old or
// the new one.
func (s *Server) save() error {
	if s.opt.State == "" {
		return nil
	}
	snapshot, err := s.store.Snapshot()
	if err != nil {
		return err
	}
	key, err := s.ca.keyPEM()
	if err != nil {
		return err
	}
	data, err := json.Marshal(stateFile{Store: snapshot, CA: string(s.ca.pem()), CAKey: string(key), Key: s.tokens.key, Apps: s.apps})
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(s.opt.State), filepath.Base(s.opt.State)+".*")
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), s.opt.State)
	}
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	s.saved = s.store.Revision()
	return nil
}
