package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
)

func entry(i int) site.Entry {
	return site.Entry{Wall: time.Unix(int64(i), 0), At: time.Duration(i), Who: "primary", What: "active", Detail: fmt.Sprint(i)}
}

func read(t *testing.T, dir string, since int64) []site.Entry {
	t.Helper()
	entries, err := Read(dir, time.Unix(since, 0))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// B13: what was appended is read, in order, also across boots and a torn line.
func TestReadBackB13(t *testing.T) {
	dir := t.TempDir()
	for boot := range 3 {
		j, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			j.Append(entry(100*boot + i))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(filepath.Join(dir, current), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(`{"time":"2026-`); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	entries := read(t, dir, 0)
	if len(entries) != 300 {
		t.Fatalf("%d entries", len(entries))
	}
	for i, e := range entries {
		if e.Detail != fmt.Sprint(i) {
			t.Fatalf("entry %d is %s", i, e.Detail)
		}
	}
	if late := read(t, dir, 250); len(late) != 50 {
		t.Errorf("%d entries since 250", len(late))
	}
}

// The disk is never filled: two files of a bounded size, the newest entries.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	j, err := open(dir, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		j.Append(entry(i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var total int64
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 20_000 {
		t.Errorf("%d bytes", total)
	}
	if entries := read(t, dir, 0); entries[len(entries)-1].Detail != "2999" {
		t.Errorf("the last entry is %s", entries[len(entries)-1].Detail)
	}
}

// A slow disk costs entries, and says how many.
func TestDroppedIsTold(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	j.dropped.Store(7)
	j.Append(entry(1))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if entries := read(t, dir, 0); len(entries) != 2 || !strings.HasPrefix(entries[0].Detail, "7 entries") {
		t.Errorf("%v", entries)
	}
}

// Drops that nothing was appended after are told as well.
func TestDroppedIsToldAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	j.Append(entry(1))
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	j.dropped.Store(3)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if entries := read(t, dir, 0); len(entries) != 2 || !strings.HasPrefix(entries[1].Detail, "3 entries") {
		t.Errorf("%v", entries)
	}
}

// After Sync a reader has all that was appended, while the journal goes on.
func TestSyncIsRead(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		j.Append(entry(i))
		if i%50 != 49 {
			continue
		}
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		if entries := read(t, dir, 0); len(entries) != i+1 {
			t.Fatalf("%d entries of %d", len(entries), i+1)
		}
	}
	for range 2 {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j.Append(entry(200))
	if entries := read(t, dir, 0); len(entries) != 200 {
		t.Errorf("%d entries", len(entries))
	}
}

// Follow hands on what was there and what is appended meanwhile, in order, each
// once, and ends with its context.
func TestFollow(t *testing.T) {
	j, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range 10 {
		j.Append(entry(i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan site.Entry, 1)
	ended := make(chan error, 1)
	go func() { ended <- j.Follow(ctx, time.Time{}, func(e site.Entry) error { got <- e; return nil }) }()
	next := func(want string) {
		t.Helper()
		select {
		case e := <-got:
			if e.Detail != want {
				t.Fatalf("got %s, want %s", e.Detail, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s never came", want)
		}
	}
	for registered := false; !registered; {
		j.mu.Lock()
		registered = len(j.follows) == 1
		j.mu.Unlock()
		runtime.Gosched()
	}
	for i := range 20 { // while the old ones are read
		j.Append(entry(10 + i))
	}
	for i := range 30 {
		next(fmt.Sprint(i))
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(j.follows) != 0 {
		t.Error("a follower is left")
	}
}
