// Package power is a folder in memory from which the power can be taken: then
// what was not synced is lost, or half of it, or is there as something else, and
// so are names. It is harsher than a file system is: each unsynced name is kept
// or lost by itself.
package power

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"releve.dev/releve/disk"
)

// Folder is such a folder.
type Folder struct {
	mu      sync.Mutex
	now     map[string]*content // what a program sees
	durable map[string]*content // names that SyncFolder has made sure of
	off     bool
	room    int // bytes that can yet be written; below 0: any number
}

var _ disk.Folder = (*Folder)(nil)

// content is a file, whatever its name.
type content struct{ now, durable []byte }

// ErrOff is what every call answers once the power is off.
var ErrOff = errors.New("the power is off")

// New makes an empty folder.
func New() *Folder {
	return &Folder{now: map[string]*content{}, durable: map[string]*content{}, room: -1}
}

// SetRoom lets that many bytes more be written until the disk is full; below 0:
// any number.
func (f *Folder) SetRoom(bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = bytes
}

// Cut takes the power away, and returns what is found when it is back. The
// folder itself only fails from now on, also for who still has it open.
func (f *Folder) Cut(random *rand.Rand) *Folder {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = true
	found := New()
	names := map[string]bool{}
	for name := range f.now {
		names[name] = true
	}
	for name := range f.durable {
		names[name] = true
	}
	survived := map[*content]*content{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c := f.now[name]
		if c != f.durable[name] && random.IntN(2) == 0 {
			c = f.durable[name]
		}
		if c == nil {
			continue
		}
		if survived[c] == nil {
			data := c.after(random)
			survived[c] = &content{now: data, durable: data}
		}
		found.now[name], found.durable[name] = survived[c], survived[c]
	}
	return found
}

// after is what of a file is found: all that was synced, and of the rest nothing,
// a part, or a part with a block of it never written.
func (c *content) after(random *rand.Rand) []byte {
	data := slices.Clone(c.durable)
	rest := c.now[len(c.durable):]
	if len(rest) == 0 || random.IntN(3) == 0 {
		return data
	}
	part := slices.Clone(rest[:random.IntN(len(rest)+1)])
	if len(part) > 0 && random.IntN(2) == 0 {
		from := random.IntN(len(part))
		clear(part[from:min(len(part), from+1+random.IntN(512))])
	}
	return append(data, part...)
}

func (f *Folder) Names() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return nil, ErrOff
	}
	return slices.Sorted(maps.Keys(f.now)), nil
}

func (f *Folder) Read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.lacks(name); err != nil {
		return nil, err
	}
	return slices.Clone(f.now[name].now), nil
}

func (f *Folder) lacks(name string) error {
	if f.off {
		return ErrOff
	}
	if f.now[name] == nil {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return nil
}

// Create gives the name new content: a truncated file would do the same, with
// more ways to be found half done.
func (f *Folder) Create(name string) (disk.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return nil, ErrOff
	}
	c := &content{}
	f.now[name] = c
	return &file{f, c}, nil
}

func (f *Folder) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.lacks(from); err != nil {
		return err
	}
	f.now[to] = f.now[from]
	delete(f.now, from)
	return nil
}

func (f *Folder) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.lacks(name); err != nil {
		return err
	}
	delete(f.now, name)
	return nil
}

func (f *Folder) SyncFolder() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return ErrOff
	}
	f.durable = maps.Clone(f.now)
	return nil
}

type file struct {
	folder  *Folder
	content *content
}

func (w *file) Write(data []byte) (int, error) {
	w.folder.mu.Lock()
	defer w.folder.mu.Unlock()
	if w.folder.off {
		return 0, ErrOff
	}
	n := len(data)
	if room := w.folder.room; room >= 0 {
		n = min(n, room)
		w.folder.room -= n
	}
	w.content.now = append(w.content.now, data[:n]...)
	if n < len(data) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (w *file) Sync() error {
	w.folder.mu.Lock()
	defer w.folder.mu.Unlock()
	if w.folder.off {
		return ErrOff
	}
	w.content.durable = slices.Clone(w.content.now)
	return nil
}

func (w *file) Close() error { return nil }
