// Package disk is a folder whose files must outlive a power loss. It is behind
// an interface so that a test can take the power away (disk/power).
//
// What is promised: the bytes of a file once Sync has returned, and its name once
// SyncFolder has. Nothing else is.
package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"releve.dev/releve/slots"
)

// Folder is one folder, without others in it.
type Folder interface {
	Names() ([]string, error)
	Read(name string) ([]byte, error) // fs.ErrNotExist if there is none
	Create(name string) (File, error) // empty, also where there was one
	Rename(from, to string) error     // replaces what was there
	Remove(name string) error
	SyncFolder() error
}

// File is written from its start to its end.
type File interface {
	io.WriteCloser
	Sync() error
}

// Replace writes a file such that a power loss leaves the old one or the new
// one, whole. The new one is durable when it returns.
func Replace(f Folder, name string, data []byte) error {
	fresh := name + ".new"
	file, err := f.Create(fresh)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := f.Rename(fresh, name); err != nil {
		return err
	}
	return f.SyncFolder()
}

// Owned is a folder on the disk that this process alone works in.
type Owned struct {
	path string
	lock *os.File
}

var _ Folder = (*Owned)(nil)

// lockName is not listed by Names.
const lockName = "lock"

// Own makes the folder if need be, and fails if another process owns it. The
// kernel ends the ownership with the process.
func Own(path string) (*Owned, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another process: %w", path, err), lock.Close())
	}
	return &Owned{path: path, lock: lock}, nil
}

// Close gives the folder free.
func (o *Owned) Close() error { return o.lock.Close() }

func (o *Owned) at(name string) string { return filepath.Join(o.path, name) }

// Names lists the files, sorted.
func (o *Owned) Names() ([]string, error) {
	entries, err := os.ReadDir(o.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (o *Owned) Read(name string) ([]byte, error) { return os.ReadFile(o.at(name)) }

func (o *Owned) Create(name string) (File, error) {
	return os.OpenFile(o.at(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (o *Owned) Rename(from, to string) error { return os.Rename(o.at(from), o.at(to)) }

func (o *Owned) Remove(name string) error { return os.Remove(o.at(name)) }

func (o *Owned) SyncFolder() error { return slots.SyncDir(o.path) }
