// Package slots keeps the few bytes that must outlive a program: two
// checksummed slots in one file each, written alternately, so that a write cut
// short by a crash leaves the one before it (ha.md section 3, "Persisted").
package slots

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// Slots are the two slots of one directory. One process owns them.
type Slots struct {
	dir  string
	next int // the slot that the next Save writes
	seq  uint64
}

// maxRecord is far beyond any record, so that a torn length is noticed.
const maxRecord = 1 << 16

var magic = [4]byte{'R', 'L', 'V', '1'}

// Open makes the directory if need be and finds the newest valid slot, so that
// Save never writes over it. The error is of a disk that can't be read or made.
func Open(dir string) (*Slots, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	s := &Slots{dir: dir}
	if _, _, err := s.Load(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Slots) path(slot int) string {
	return filepath.Join(s.dir, fmt.Sprintf("state.%d", slot))
}

// Load returns the newest valid record. ok is false if there is none; err is
// for a disk that can't be read, which is something else.
func (s *Slots) Load() (record []byte, ok bool, err error) {
	newest := uint64(0)
	for slot := range 2 {
		raw, err := os.ReadFile(s.path(slot))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("state: %w", err)
		}
		if seq, body, valid := decode(raw); valid && (!ok || seq > newest) {
			record, ok, newest = body, true, seq
			s.seq, s.next = max(s.seq, seq), 1-slot
		}
	}
	return record, ok, nil
}

// Save writes the record to the older slot. It is durable when Save returns.
func (s *Slots) Save(record []byte) error {
	if len(record) > maxRecord {
		return fmt.Errorf("state: a record of %d bytes, more than %d, could not be loaded again", len(record), maxRecord)
	}
	if err := s.write(s.path(s.next), encode(s.seq+1, record)); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	s.seq, s.next = s.seq+1, 1-s.next
	return nil
}

func (s *Slots) write(path string, raw []byte) error {
	_, err := os.Lstat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil && isNew {
		err = SyncDir(s.dir)
	}
	return err
}

// SyncDir makes a new file's name durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// A slot is magic, sequence (8), length (4), record, CRC-32C of all before (4).
const head = 4 + 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(seq uint64, record []byte) []byte {
	raw := append([]byte(nil), magic[:]...)
	raw = binary.BigEndian.AppendUint64(raw, seq)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(record)))
	raw = append(raw, record...)
	return binary.BigEndian.AppendUint32(raw, crc32.Checksum(raw, castagnoli))
}

func decode(raw []byte) (seq uint64, record []byte, ok bool) {
	if len(raw) < head+4 || [4]byte(raw[:4]) != magic {
		return 0, nil, false
	}
	size := binary.BigEndian.Uint32(raw[12:])
	if size > maxRecord || len(raw) != head+int(size)+4 {
		return 0, nil, false
	}
	sum := binary.BigEndian.Uint32(raw[len(raw)-4:])
	if crc32.Checksum(raw[:len(raw)-4], castagnoli) != sum {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(raw[4:]), raw[head : head+int(size)], true
}
