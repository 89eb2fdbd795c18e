package spool

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/disk"
)

// log is a class's files, oldest first. Only the last is written to, and only in
// the life that made it.
type log struct {
	class Class
	files []*file
	open  disk.File // the last one's; nil: the next write makes a file
}

type file struct {
	name    string
	size    int64
	entries []entry
	next    int // the entry that Take looks at next
	live    int // entries that aren't gone
}

type entry struct {
	id   ID
	at   int // of the body
	size int
	gone bool
}

// tidyFrom is the size from which a file without live events isn't kept to be
// written on.
const tidyFrom = 64 << 10

func fileName(class Class, serial uint64) string { return fmt.Sprintf("%s-%016x", class, serial) }

func parseName(name string) (class Class, serial uint64, ok bool) {
	prefix, digits, _ := strings.Cut(name, "-")
	at := slices.Index(classNames[:], prefix)
	if at < 0 {
		return 0, 0, false
	}
	_, err := fmt.Sscanf(digits, "%x", &serial)
	return Class(at), serial, err == nil && fileName(Class(at), serial) == name
}

// load reads all files. Names sort by class and age.
func (s *Spool) load() error {
	names, err := s.folder.Names()
	if err != nil {
		return err
	}
	slices.Sort(names)
	var removed [classes]map[uint64][]span
	for _, name := range names {
		class, serial, ours := parseName(name)
		if !ours {
			continue
		}
		raw, err := s.folder.Read(name)
		if err != nil {
			return err
		}
		s.serial = max(s.serial, serial)
		d := decode(raw)
		if d.whole < len(raw) {
			s.cut++
		}
		if removed[class] == nil {
			removed[class] = map[uint64][]span{}
		}
		for _, gone := range d.spans {
			removed[class][gone.boot] = append(removed[class][gone.boot], gone)
		}
		f := &file{name: name, size: int64(len(raw))}
		f.add(d.events, 0)
		s.logs[class].files = append(s.logs[class].files, f)
	}
	for class := range s.logs {
		s.logs[class].forget(removed[class])
		if err := s.tidy(&s.logs[class]); err != nil {
			return err
		}
	}
	return nil
}

func (l *log) forget(removed map[uint64][]span) {
	for _, f := range l.files {
		for i := range f.entries {
			e := &f.entries[i]
			e.gone = slices.ContainsFunc(removed[e.id.Boot], func(r span) bool { return r.first <= e.id.Number && e.id.Number <= r.last })
			if e.gone {
				f.live--
			}
		}
	}
}

// add takes in events whose places are counted from at.
func (f *file) add(events []found, at int) {
	for _, e := range events {
		f.entries = append(f.entries, entry{e.id, at + e.at, e.size, false})
	}
	f.live += len(events)
}

// write makes events durable. After an error the file is left alone: what its end
// is then, nobody knows.
func (s *Spool) write(l *log, raw []byte, events []found) error {
	if last := len(l.files) - 1; l.open != nil && l.files[last].size >= s.limit/filesInLimit {
		if err := l.end(); err != nil {
			return err
		}
	}
	if l.open == nil {
		if err := s.create(l); err != nil {
			return err
		}
	}
	f := l.files[len(l.files)-1]
	n, err := l.open.Write(raw)
	at := f.size
	f.size += int64(n)
	if err == nil {
		err = l.open.Sync()
	}
	if err != nil {
		return errors.Join(err, s.abandon(l))
	}
	f.add(events, int(at))
	return nil
}

// abandon ends the last file, and removes it if nobody misses it: a disk that
// stays full must not be littered.
func (s *Spool) abandon(l *log) error {
	err := l.end()
	last := len(l.files) - 1
	if l.files[last].live > 0 {
		return err
	}
	name := l.files[last].name
	l.files = l.files[:last]
	return errors.Join(err, s.folder.Remove(name))
}

func (s *Spool) create(l *log) error {
	s.serial++
	f := &file{name: fileName(l.class, s.serial)}
	open, err := s.folder.Create(f.name)
	if err != nil {
		return err
	}
	n, err := open.Write(head)
	f.size = int64(n)
	l.files, l.open = append(l.files, f), open
	if err == nil {
		err = s.folder.SyncFolder()
	}
	if err != nil {
		return errors.Join(err, s.abandon(l))
	}
	return nil
}

// note writes what need not be durable, and nothing if it would need a new file.
func (l *log) note(raw []byte) error {
	if l.open == nil {
		return nil
	}
	n, err := l.open.Write(raw)
	l.files[len(l.files)-1].size += int64(n)
	if err != nil {
		return errors.Join(err, l.end())
	}
	return nil
}

func (l *log) end() error {
	if l.open == nil {
		return nil
	}
	err := l.open.Close()
	l.open = nil
	return err
}

// tidy removes the oldest files as long as they hold nothing more. A younger one
// stays, as it says what of the older ones was removed.
func (s *Spool) tidy(l *log) error {
	for len(l.files) > 0 && l.files[0].live == 0 {
		if l.open != nil && len(l.files) == 1 {
			if l.files[0].size < tidyFrom {
				return nil
			}
			if err := l.end(); err != nil {
				return err
			}
		}
		if err := s.folder.Remove(l.files[0].name); err != nil {
			return err
		}
		l.files = l.files[1:]
	}
	return nil
}

func (s *Spool) size() int64 {
	var sum int64
	for class := range s.logs {
		for _, f := range s.logs[class].files {
			sum += max(f.size, leastFile)
		}
	}
	return sum
}

// makeRoom drops what it must, and reports whether there is room now.
func (s *Spool) makeRoom(class Class, need int64) bool {
	if need > s.limit {
		return false
	}
	for s.size()+max(need, leastFile) > s.limit {
		if !s.dropOldest(class) {
			return false
		}
	}
	return true
}

// dropOldest drops a file: of the lowest class that has one, at most class.
func (s *Spool) dropOldest(class Class) bool {
	for c := range s.logs[:class+1] {
		l := &s.logs[c]
		if len(l.files) == 0 {
			continue
		}
		f := l.files[0]
		if len(l.files) == 1 && l.end() != nil || s.folder.Remove(f.name) != nil {
			continue // a disk that fails: nothing more can be kept, and nothing dropped
		}
		l.files = l.files[1:]
		s.dropped[c] += uint64(f.live)
		f.live = 0
		for i := range f.entries {
			f.entries[i].gone = true
		}
		return s.tidy(l) == nil
	}
	return false
}

// read returns an event's body. The last file that was read is kept in memory.
func (s *Spool) read(f *file, e *entry) ([]byte, error) {
	if s.cache.file != f || len(s.cache.raw) < e.at+e.size {
		raw, err := s.folder.Read(f.name)
		if err != nil {
			return nil, err
		}
		s.cache.file, s.cache.raw = f, raw
	}
	if len(s.cache.raw) < e.at+e.size {
		return nil, fmt.Errorf("%s has shrunk", f.name)
	}
	return s.cache.raw[e.at : e.at+e.size], nil
}
