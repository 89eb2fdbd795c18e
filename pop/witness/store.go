package witness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"releve.dev/releve/core/witness"
	"releve.dev/releve/slots"
)

// store keeps each site's record in a directory of its own. A site without a
// directory is new; one whose directory has no record has lost it.
type store struct {
	dir  string
	lost bool // it isn't there: the PoP has lost its records (docs/decisions/0006)
}

func openStore(dir string) (*store, error) {
	_, err := os.Stat(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the witness's records: %w", err)
	}
	return &store{dir: dir, lost: err != nil}, nil
}

// remake makes a lost store anew, in which these sites have lost their records. It
// is there whole or not at all, so that none of them is ever taken for new.
func (s *store) remake(ids []uint64) error {
	if !s.lost {
		return nil
	}
	fresh := s.dir + ".new"
	err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o700))
	for _, id := range ids {
		err = errors.Join(err, os.Mkdir(filepath.Join(fresh, name(id)), 0o700))
	}
	if err = errors.Join(err, slots.SyncDir(fresh)); err == nil {
		err = errors.Join(os.Rename(fresh, s.dir), slots.SyncDir(filepath.Dir(s.dir)))
	}
	if err != nil {
		return fmt.Errorf("the witness's records: %w", err)
	}
	s.lost = false
	return nil
}

func name(id uint64) string { return strconv.FormatUint(id, 10) }

// open finds a site's record, and keeps one for a site that is new.
func (s *store) open(id uint64) (file *slots.Slots, record *witness.Record, lost bool, err error) {
	dir := filepath.Join(s.dir, name(id))
	_, absent := os.Stat(dir)
	if file, err = slots.Open(dir); err != nil {
		return nil, nil, false, err
	}
	if absent != nil {
		return file, nil, false, file.Save(encode(witness.Record{}))
	}
	raw, ok, err := file.Load()
	if err != nil || !ok {
		return file, nil, true, err
	}
	record, ok = decode(raw)
	return file, record, !ok, nil
}

// decode reads a record. ok is false for one that encode can't have written, by
// another version for example: its site has lost it.
func decode(raw []byte) (record *witness.Record, ok bool) {
	record = new(witness.Record)
	if json.Unmarshal(raw, record) != nil || !bytes.Equal(encode(*record), raw) {
		return nil, false
	}
	return record, true
}

func encode(record witness.Record) []byte {
	raw, err := json.Marshal(record)
	if err != nil {
		panic("witness: a record can't be encoded: " + err.Error())
	}
	return raw
}
