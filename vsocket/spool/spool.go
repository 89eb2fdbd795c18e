// Package spool keeps events on a vSocket's disk until the manager has them.
//
// Append returns once they are durable: neither a kill nor a power loss takes
// them away again. Take gives them out, the most important class first and each
// class in its order; Remove forgets them when somebody else keeps them. An event
// may be given out again after a restart although it was removed, so who keeps
// them tells them apart by their id.
//
// The spool is bounded. When it is full the oldest of the lowest class go first,
// a file at a time; a class never displaces a higher one. Its methods may be
// called by several goroutines; they wait for the disk, so they are not for the
// HA loop.
package spool

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"releve.dev/releve/disk"
)

// Class is how much an event matters.
type Class uint8

// The classes, from the one that is dropped first.
const (
	Takeover Class = iota // its rows: the vSocket's journal has them too
	Plain
	HA
	classes = iota
)

var classNames = [classes]string{"takeover", "plain", "ha"}

func (c Class) String() string { return classNames[c] }

// ID is an event's for ever, together with the vSocket's serial number. A boot
// is one life of the spool.
type ID struct{ Boot, Number uint64 }

// Record is an event that was taken.
type Record struct {
	ID    ID
	Class Class
	Body  []byte
	file  *file
	index int
}

// Options of a spool.
type Options struct {
	Boot  uint64 // drawn anew for each Open, never 0
	Limit int64  // bytes on the disk; 0: 64 MiB
}

const (
	defaultLimit = 64 << 20
	filesInLimit = 64      // a file's size is the limit's part, so that dropping one loses little
	leastFile    = 4 << 10 // what a small file takes on a disk
	maxBody      = 64 << 10
)

// Spool is an open spool.
type Spool struct {
	mu      sync.Mutex
	folder  disk.Folder
	boot    uint64
	limit   int64
	number  uint64 // of the last event
	serial  uint64 // of the last file
	logs    [classes]log
	dropped [classes]uint64
	cut     uint64
	fresh   chan struct{}
	cache   struct {
		file *file
		raw  []byte
	}
}

// ErrFull says that an event is not kept: all the room is taken by higher classes.
var ErrFull = errors.New("the spool is full of more important events")

// Open reads what the lives before have left. What a crash has torn is cut off.
func Open(folder disk.Folder, o Options) (*Spool, error) {
	if o.Boot == 0 {
		return nil, errors.New("spool: boot 0 is nobody's")
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	s := &Spool{folder: folder, boot: o.Boot, limit: o.Limit, fresh: make(chan struct{}, 1)}
	for class := range s.logs {
		s.logs[class].class = Class(class)
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return s, nil
}

// Append keeps events. They are durable when it returns nil. After an error none
// of them is given out in this life; the next may find some.
func (s *Spool) Append(class Class, bodies ...[]byte) ([]ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var raw []byte
	var events []found
	for _, body := range bodies {
		if len(body) > maxBody {
			return nil, fmt.Errorf("spool: an event of %d bytes, more than %d", len(body), maxBody)
		}
		s.number++ // also if it fails: the disk may have it all the same
		id := ID{s.boot, s.number}
		raw = appendEvent(raw, id, body)
		events = append(events, found{id, len(raw) - len(body), len(body)})
	}
	if !s.makeRoom(class, int64(len(raw))) {
		s.dropped[class] += uint64(len(bodies))
		return nil, fmt.Errorf("spool: %w", ErrFull)
	}
	if err := s.write(&s.logs[class], raw, events); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	select {
	case s.fresh <- struct{}{}:
	default:
	}
	ids := make([]ID, len(events))
	for i, e := range events {
		ids[i] = e.id
	}
	return ids, nil
}

// Fresh gets a value after each Append, or after several.
func (s *Spool) Fresh() <-chan struct{} { return s.fresh }

// Take gives out the next events, at most so many and so many bytes of bodies,
// but at least one if there is any. They aren't given out again until Rewind.
func (s *Spool) Take(most, bytes int) ([]Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var taken []Record
	for class := classes - 1; class >= 0; class-- {
		for _, f := range s.logs[class].files {
			for f.next < len(f.entries) {
				e := &f.entries[f.next]
				if e.gone {
					f.next++
					continue
				}
				if len(taken) == most || len(taken) > 0 && e.size > bytes {
					return taken, nil
				}
				body, err := s.read(f, e)
				if err != nil {
					return taken, fmt.Errorf("spool: %w", err)
				}
				bytes -= e.size
				taken = append(taken, Record{e.id, Class(class), body, f, f.next})
				f.next++
			}
		}
	}
	return taken, nil
}

// Rewind makes Take begin again with the oldest.
func (s *Spool) Rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for class := range s.logs {
		for _, f := range s.logs[class].files {
			f.next = 0
		}
	}
}

// Remove forgets events that were taken. Its error means that they may be given
// out again after a restart, no more.
func (s *Spool) Remove(records []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone [classes][]span
	for _, r := range records {
		e := &r.file.entries[r.index]
		if e.gone {
			continue
		}
		e.gone = true
		r.file.live--
		gone[r.Class] = lengthen(gone[r.Class], r.ID)
	}
	var err error
	for class, spans := range gone {
		if len(spans) > 0 {
			err = errors.Join(err, s.logs[class].note(appendRemoved(nil, spans)), s.tidy(&s.logs[class]))
		}
	}
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

func lengthen(spans []span, id ID) []span {
	if n := len(spans); n > 0 && spans[n-1].boot == id.Boot && spans[n-1].last+1 == id.Number {
		spans[n-1].last++
		return spans
	}
	return append(spans, span{id.Boot, id.Number, id.Number})
}

// Stats is what a spool holds and has lost.
type Stats struct {
	Events  [classes]int // that were not removed, by class
	Bytes   int64        // on the disk
	Dropped [classes]uint64
	Cut     uint64 // files whose end a crash had torn, at Open
}

// Total is the number of events.
func (s Stats) Total() int { return s.Events[Takeover] + s.Events[Plain] + s.Events[HA] }

func (s Stats) String() string {
	var parts []string
	for class, n := range s.Events {
		parts = append(parts, fmt.Sprintf("%d %s", n, Class(class)))
	}
	return strings.Join(parts, ", ")
}

// Stats tells how full the spool is.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := Stats{Dropped: s.dropped, Cut: s.cut, Bytes: s.size()}
	for class := range s.logs {
		for _, f := range s.logs[class].files {
			sum.Events[class] += f.live
		}
	}
	return sum
}

// Close ends the files. It needs no sync: what was promised is durable.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for class := range s.logs {
		err = errors.Join(err, s.logs[class].end())
	}
	return err
}
