package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func export(t *testing.T, dir string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Export(dir, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What was recorded is handed out as one, oldest first, also across boots.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := Export(dir, &out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	want := ""
	for boot := range 3 {
		r, err := open(dir, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			text := fmt.Sprintf("%d.%d ", boot, i)
			if !r.Record([]byte(text), i == 0) {
				t.Fatal("refused")
			}
			want += text
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := export(t, dir); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A file is full at a size, and the next one begins where a part does: what is
// kept can be replayed without what was thrown away.
func TestFilesBeginWithAPart(t *testing.T) {
	dir := t.TempDir()
	r, err := open(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		text := fmt.Sprintf(" %08d.", i)
		if i%7 == 0 {
			text = fmt.Sprintf("[%08d.", i)
		}
		for !r.Record([]byte(text), i%7 == 0) { // the writer is behind
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range [...]string{current, previous} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if text[0] != '[' || len(text) > 100+7*10 {
			t.Errorf("%s: %d bytes, begins with %q", name, len(text), text[:1])
		}
	}
	if got := export(t, dir); got[len(got)-10:] != " 00000099." || len(got)%10 != 0 || len(got) < 100 {
		t.Errorf("%d bytes, the last %q", len(got), got[len(got)-10:])
	}
}

// A disk that doesn't take it is told with the next chunk, so that a part begins.
func TestAFailedWriteIsTold(t *testing.T) {
	r, err := open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.file.Close(); err != nil {
		t.Fatal(err)
	}
	if !r.Record([]byte("x"), false) {
		t.Error("told before it is known")
	}
	for deadline := time.Now().Add(time.Minute); !r.failed.Load(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the writer doesn't notice")
		}
	}
	if r.Record([]byte("x"), false) {
		t.Error("never told")
	}
	if !r.Record([]byte("x"), true) {
		t.Error("told twice")
	}
	if r.Close() == nil {
		t.Error("Close doesn't tell the writer's error")
	}
}

// The file's turn while it is exported isn't missed, nor taken twice.
func TestExportDuringATurn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, current), []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, current), filepath.Join(dir, previous)); err != nil {
		t.Fatal(err)
	}
	if got := export(t, dir); got != "one" {
		t.Errorf("got %q", got)
	}
}
