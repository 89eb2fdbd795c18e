// Package journal keeps a vSocket's timeline on disk (B13): a line of JSON for
// each entry, in files bounded by size.
//
// Append never waits for the disk: the HA loop calls it. A writer goroutine
// does; if it falls behind by more than the queue, entries are dropped, counted,
// and the count is itself an entry.
package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/site"
)

const (
	current  = "journal.jsonl"
	previous = "journal.1.jsonl"
	maxSize  = 8 << 20 // of one file; there are two
	queueLen = 4096
)

// Journal is the writing side.
type Journal struct {
	dir     string
	queue   chan queued
	dropped atomic.Uint64
	mu      sync.Mutex
	follows map[chan site.Entry]bool
	closed  bool
	done    chan struct{}

	file *os.File
	size int64
	max  int64
	err  error // the last one of the writer's, told by Close
}

// queued is an entry, or the wish of a Sync to hear that all before it is written.
type queued struct {
	entry  site.Entry
	synced chan<- error
}

// Open makes the directory if need be and goes on where the last boot ended.
func Open(dir string) (*Journal, error) { return open(dir, maxSize) }

func open(dir string, max int64) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal directory: %w", err)
	}
	j := &Journal{dir: dir, queue: make(chan queued, queueLen), follows: map[chan site.Entry]bool{},
		done: make(chan struct{}), max: max}
	if err := j.reopen(); err != nil {
		return nil, err
	}
	go j.write()
	return j, nil
}

// Append queues an entry. After Close it does nothing.
func (j *Journal) Append(entry site.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	select {
	case j.queue <- queued{entry: entry}:
	default:
		j.dropped.Add(1)
	}
	for follower := range j.follows {
		select {
		case follower <- entry:
		default: // it reads too slowly; the file has the entry
		}
	}
}

// Follow hands the entries from since on to emit, and then every new one, until
// ctx ends or emit fails. It begins to listen before it reads, so none is missed,
// and none comes twice.
func (j *Journal) Follow(ctx context.Context, since time.Time, emit func(site.Entry) error) error {
	fresh := make(chan site.Entry, queueLen)
	j.mu.Lock()
	j.follows[fresh] = true
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.follows, fresh)
	}()
	if err := j.Sync(); err != nil {
		return err
	}
	old, err := Read(j.dir, since)
	if err != nil {
		return err
	}
	for _, entry := range old {
		if err := emit(entry); err != nil {
			return err
		}
	}
	told := lately(old)
	for {
		select {
		case entry := <-fresh:
			if key := keyOf(entry); told[key] > 0 {
				told[key]--
			} else if err := emit(entry); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// key tells entries apart that were read from those that are still queued.
type key struct {
	at           time.Duration
	what, detail string
}

func keyOf(e site.Entry) key { return key{e.At, e.What, e.Detail} }

// lately counts the last entries, as many as may be queued too.
func lately(entries []site.Entry) map[key]int {
	count := map[key]int{}
	for _, entry := range entries[max(0, len(entries)-queueLen):] {
		count[keyOf(entry)]++
	}
	return count
}

// Sync returns once all that was appended before is on the disk. It waits for
// the disk: it is not for the HA loop, and not for use during or after Close.
func (j *Journal) Sync() error {
	synced := make(chan error, 1)
	j.queue <- queued{synced: synced}
	return <-synced
}

// Close writes what is queued, down to the disk, and returns the writer's last
// error.
func (j *Journal) Close() error {
	j.mu.Lock()
	if !j.closed {
		j.closed = true
		close(j.queue)
	}
	j.mu.Unlock()
	<-j.done
	return j.err
}

func (j *Journal) write() {
	defer close(j.done)
	var last site.Entry
	for next := range j.queue {
		if next.synced != nil {
			j.tellDropped(last)
			next.synced <- errors.Join(j.err, j.file.Sync())
			continue
		}
		last = next.entry
		j.tellDropped(last)
		j.line(last)
	}
	j.tellDropped(last)
	j.err = errors.Join(j.err, j.file.Sync(), j.file.Close())
}

// tellDropped makes an entry of the number of those that were dropped, beside
// the one before or after which it was noticed.
func (j *Journal) tellDropped(beside site.Entry) {
	if n := j.dropped.Swap(0); n > 0 {
		j.line(site.Entry{Wall: beside.Wall, At: beside.At, Who: beside.Who, What: "journal dropped",
			Detail: fmt.Sprintf("%d entries: the disk is too slow", n)})
	}
}

func (j *Journal) line(entry site.Entry) {
	line, err := json.Marshal(entry)
	if err != nil {
		j.err = err
		return
	}
	line = append(line, '\n')
	if j.size+int64(len(line)) > j.max {
		j.rotate()
	}
	n, err := j.file.Write(line)
	j.size += int64(n)
	if err != nil {
		j.err = err
	}
}

func (j *Journal) rotate() {
	err := os.Rename(filepath.Join(j.dir, current), filepath.Join(j.dir, previous))
	if err = errors.Join(err, j.file.Close(), j.reopen()); err != nil {
		j.err = err
	}
}

// reopen opens the present file. A line that a crash has torn is ended, so that
// the next one stands alone.
func (j *Journal) reopen() error {
	file, err := os.OpenFile(filepath.Join(j.dir, current), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), file.Close())
	}
	j.file, j.size = file, info.Size()
	last := make([]byte, 1)
	if j.size > 0 {
		if _, err := file.ReadAt(last, j.size-1); err == nil && last[0] != '\n' {
			if _, err := file.Write([]byte{'\n'}); err == nil {
				j.size++
			}
		}
	}
	return nil
}

// Read returns the entries not older than since, oldest first. Lines that are
// no entries (torn by a crash) are passed over.
func Read(dir string, since time.Time) ([]site.Entry, error) {
	var entries []site.Entry
	for _, name := range [...]string{previous, current} {
		file, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		entries, err = scan(file, since, entries)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
	}
	return entries, nil
}

// maxLine is longer than any entry. What is longer (the zeros that a crash leaves
// behind, say) is no entry, and must not hide those behind it.
const maxLine = 1 << 20

func scan(from io.Reader, since time.Time, entries []site.Entry) ([]site.Entry, error) {
	lines := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			line = nil
			_, err = lines.ReadSlice('\n')
		}
		if entry, ok := decode(line); ok && !entry.Wall.Before(since) {
			entries = append(entries, entry)
		}
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
	}
}

// decode reads a line. ok is false for what is no entry.
func decode(line []byte) (entry site.Entry, ok bool) {
	ok = json.Unmarshal(line, &entry) == nil && entry.What != ""
	return entry, ok
}
