// Package recorder keeps a vSocket's record on disk, in two files bounded by
// size. The format is wire/record's; what goes in is the agent's business.
//
// Record never waits for the disk: the HA loop calls it. A writer goroutine
// does; if it falls behind by more than the queue, the chunk is refused, and the
// agent begins anew with a checkpoint.
package recorder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

const (
	current  = "record"
	previous = "record.1"
	fileFull = 64 << 20 // then the next part (8 MiB at most) begins the next file; there are two
	queueLen = 64       // chunks, one a second
)

// Recorder is the writing side. Record and Close are for one goroutine.
type Recorder struct {
	dir    string
	queue  chan chunk
	failed atomic.Bool // a chunk wasn't written, which the agent doesn't know yet
	done   chan struct{}
	file   *os.File
	size   int64
	full   int64
	err    error // the last one of the writer's, told by Close
}

type chunk struct {
	bytes  []byte
	begins bool
}

// Open makes the directory if need be and goes on where the last boot ended.
func Open(dir string) (*Recorder, error) { return open(dir, fileFull) }

func open(dir string, full int64) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("record directory: %w", err)
	}
	r := &Recorder{dir: dir, queue: make(chan chunk, queueLen), done: make(chan struct{}), full: full}
	if err := r.reopen(); err != nil {
		return nil, err
	}
	go r.write()
	return r, nil
}

// Record queues a chunk. It is false if the chunk is lost, or one before it was:
// then a part must begin.
func (r *Recorder) Record(bytes []byte, begins bool) (ok bool) {
	if r.failed.Swap(false) {
		return false
	}
	select {
	case r.queue <- chunk{bytes, begins}:
		return true
	default:
		return false
	}
}

// Close writes what is queued, down to the disk, and returns the writer's last
// error.
func (r *Recorder) Close() error {
	close(r.queue)
	<-r.done
	return r.err
}

func (r *Recorder) write() {
	defer close(r.done)
	for next := range r.queue {
		if err := r.put(next); err != nil {
			r.err = err
			r.failed.Store(true)
		}
	}
	r.err = errors.Join(r.err, r.file.Sync(), r.file.Close())
}

// put writes a chunk. A file begins with a part's first chunk, so that it can be
// replayed without the one before.
func (r *Recorder) put(next chunk) error {
	if next.begins && r.size > r.full {
		if err := r.rotate(); err != nil {
			return err
		}
	}
	n, err := r.file.Write(next.bytes)
	r.size += int64(n)
	return err
}

func (r *Recorder) rotate() error {
	err := os.Rename(filepath.Join(r.dir, current), filepath.Join(r.dir, previous))
	return errors.Join(err, r.file.Close(), r.reopen())
}

func (r *Recorder) reopen() error {
	file, err := os.OpenFile(filepath.Join(r.dir, current), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("record: %w", err), file.Close())
	}
	r.file, r.size = file, info.Size()
	return nil
}

// Export writes a directory's record as one, oldest first. It may be called
// while an agent writes; the last second isn't on the disk then.
func Export(dir string, to io.Writer) error {
	files, err := both(dir)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	for _, file := range files {
		if err == nil {
			_, err = io.Copy(to, file)
		}
		err = errors.Join(err, file.Close())
	}
	return err
}

// both opens the files that there are. The present one is opened first: if the
// agent makes it the previous one meanwhile, it is found twice, and not missed.
func both(dir string) ([]*os.File, error) {
	var files []*os.File
	var first os.FileInfo
	for _, name := range [...]string{current, previous} {
		file, err := os.Open(filepath.Join(dir, name))
		if err == nil {
			var info os.FileInfo
			if info, err = file.Stat(); err == nil && first != nil && os.SameFile(first, info) {
				err = errors.Join(file.Close(), fs.ErrNotExist)
			}
			first = info
		}
		if err == nil {
			files = append([]*os.File{file}, files...)
		} else if !errors.Is(err, fs.ErrNotExist) {
			for _, open := range files {
				err = errors.Join(err, open.Close())
			}
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fs.ErrNotExist
	}
	return files, nil
}
