package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
)

// FuzzDecode: an entry that is read from a line is written as a line that reads
// the same, and no line break gets into it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []site.Entry{entry(1), {Wall: time.Unix(0, 1).UTC(), What: "a\nb", Detail: "\u2028<&>\x00"}} {
		line, err := json.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"what":"x","time":"0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`{"What":"x","at":1e3}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := decode(line)
		if !ok {
			return
		}
		once, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%s is read as %+v, which can't be written: %v", line, e, err)
		}
		again, ok := decode(once)
		twice, err := json.Marshal(again)
		if !ok || err != nil || !bytes.Equal(once, twice) || !again.Wall.Equal(e.Wall) || bytes.ContainsAny(once, "\n\r") {
			t.Fatalf("%s is read as %+v and then as %+v (%v)", once, e, again, err)
		}
	})
}

// FuzzRead: whatever stands in a journal's file, the entries that are lines of
// their own are read, and what is appended after it as well.
func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"time\":\"2026-\n"), []byte("junk"))
	f.Add([]byte("\x00\x00"), []byte("\n\n{}\n[1]\n"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		dir := t.TempDir()
		line, err := json.Marshal(entry(1))
		if err != nil {
			t.Fatal(err)
		}
		junk := bytes.Join([][]byte{before, line, after}, []byte{'\n'})
		if err := os.WriteFile(filepath.Join(dir, current), junk, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		j.Append(entry(2))
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		entries, err := Read(dir, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, e := range entries {
			if e.At == entry(1).At || e.At == entry(2).At {
				found++
			}
		}
		last := entries[len(entries)-1]
		if want := entry(2); found < 2 || !last.Wall.Equal(want.Wall) || last.What != want.What || last.Detail != want.Detail {
			t.Fatalf("%d of 2 found, the last is %+v", found, last)
		}
	})
}

// A crash can leave more zeros behind than a line is long. What stands before
// and after them is read.
func TestALongLineHidesNothingB13(t *testing.T) {
	dir := t.TempDir()
	line := func(i int) string {
		text, err := json.Marshal(entry(i))
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + "\n"
	}
	for _, length := range []int{1, maxLine - 1, maxLine, maxLine + 1, 3*maxLine + 7} {
		text := line(1) + strings.Repeat("\x00", length) + "\n" + line(2) + strings.Repeat("\x00", length)
		if err := os.WriteFile(filepath.Join(dir, current), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := Read(dir, time.Time{})
		if err != nil || len(entries) != 2 || !reflect.DeepEqual([]string{entries[0].Detail, entries[1].Detail}, []string{"1", "2"}) {
			t.Errorf("%d zeros: %d entries, %v", length, len(entries), err)
		}
	}
}
