package spool

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"releve.dev/releve/disk"
	"releve.dev/releve/disk/power"
)

func open(t *testing.T, folder disk.Folder, o Options) *Spool {
	t.Helper()
	s, err := Open(folder, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keep(t *testing.T, s *Spool, class Class, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if _, err := s.Append(class, []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
}

func take(t *testing.T, s *Spool, most int) []Record {
	t.Helper()
	taken, err := s.Take(most, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func bodies(records []Record) string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Body))
	}
	return strings.Join(all, " ")
}

// What was appended is given out by class and age, once until it is rewound, and
// never again once it is removed, also to a next life.
func TestOrder(t *testing.T) {
	folder, err := disk.Own(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, folder, Options{Boot: 1})
	keep(t, s, Takeover, "m1", "m2")
	keep(t, s, HA, "h1")
	keep(t, s, Plain, "p1")
	keep(t, s, HA, "h2")
	first := take(t, s, 3)
	if got := bodies(first) + "|" + bodies(take(t, s, 9)) + "|" + bodies(take(t, s, 9)); got != "h1 h2 p1|m1 m2|" {
		t.Fatal(got)
	}
	if err := s.Remove(first[1:2]); err != nil {
		t.Fatal(err)
	}
	s.Rewind()
	if got := bodies(take(t, s, 9)); got != "h1 p1 m1 m2" {
		t.Fatal(got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, folder, Options{Boot: 2})
	keep(t, s, HA, "h3")
	all := take(t, s, 9)
	if got := bodies(all); got != "h1 h3 p1 m1 m2" {
		t.Fatal(got)
	}
	if all[0].ID != (ID{1, 3}) || all[1].ID != (ID{2, 1}) {
		t.Fatalf("ids %v, %v", all[0].ID, all[1].ID)
	}
	if err := s.Remove(all); err != nil {
		t.Fatal(err)
	}
	if names, err := folder.Names(); err != nil || len(names) > 1 {
		t.Errorf("all is removed, yet there are %v (%v)", names, err)
	}
}

// The oldest of the lowest class go first, HA events last, and a class never
// displaces a higher one.
func TestBounded(t *testing.T) {
	const limit = 1 << 20
	s := open(t, power.New(), Options{Boot: 1, Limit: limit})
	fill := func(class Class, from, to int) (kept int) {
		for i := from; i < to; i++ {
			_, err := s.Append(class, fmt.Appendf(nil, "%s %05d %s", class, i, strings.Repeat("x", 1000)))
			switch {
			case err == nil:
				kept++
			case !errors.Is(err, ErrFull):
				t.Fatal(err)
			}
			if size := s.Stats().Bytes; size > limit {
				t.Fatalf("%d bytes on the disk, more than %d", size, limit)
			}
		}
		return kept
	}
	fill(Takeover, 0, 500)
	fill(HA, 0, 100)
	if kept := fill(Takeover, 500, 2000); kept != 1500 {
		t.Errorf("a new metric displaces an old one: %d of 1500 kept", kept)
	}
	if n := s.Stats().Events; n[HA] != 100 || n[Takeover] < 500 {
		t.Errorf("%s", s.Stats())
	}
	fill(HA, 100, 500)
	fill(Plain, 0, 100)
	fill(HA, 500, 3000)
	before := s.Stats()
	fill(Takeover, 0, 1000) // some find a place that the last file that was dropped has left
	stats := s.Stats()
	if stats.Events[HA] != before.Events[HA] || stats.Events[Plain] != 0 || stats.Events[HA] < 700 || stats.Dropped[HA] == 0 {
		t.Errorf("%+v, before %+v", stats, before)
	}
	all := take(t, s, stats.Events[HA])
	if last := string(all[len(all)-1].Body); !strings.HasPrefix(last, "ha 02999") {
		t.Errorf("the newest is %.20s", last)
	}
}

// A disk that is full refuses, harms nothing that is there, and serves on when it
// has room again.
func TestDiskFull(t *testing.T) {
	folder := power.New()
	s := open(t, folder, Options{Boot: 1})
	keep(t, s, HA, "before")
	for room := range 60 {
		folder.SetRoom(room)
		if _, err := s.Append(HA, []byte(strings.Repeat("y", 60))); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d bytes of room: %v", room, err)
		}
	}
	if names, err := folder.Names(); err != nil || len(names) > 2 {
		t.Errorf("littered with %v (%v)", names, err)
	}
	folder.SetRoom(-1)
	keep(t, s, HA, "after")
	if got := bodies(take(t, s, 9)); got != "before after" {
		t.Fatal(got)
	}
	s = open(t, folder, Options{Boot: 2})
	if got := bodies(take(t, s, 9)); got != "before after" {
		t.Fatal(got)
	}
}

// Whenever the power goes: what was kept and not removed is found, nothing else
// is but what was being kept, and nothing twice.
func TestPowerLoss(t *testing.T) {
	for seed := range uint64(300) {
		powerLoss(t, seed)
	}
}

func powerLoss(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	folder := power.New()
	must := map[string]bool{} // kept, not removed
	may := map[string]bool{}  // tried, or removed
	n := 0
	for boot := range uint64(8) {
		s := open(t, folder, Options{Boot: boot + 1, Limit: 256 << 10})
		seen := map[ID]bool{}
		count := map[string]int{}
		all := take(t, s, 1<<20)
		for _, r := range all {
			count[string(r.Body)]++
			if seen[r.ID] {
				t.Fatalf("seed %d: %v twice", seed, r.ID)
			}
			seen[r.ID] = true
			if b := string(r.Body); !must[b] && !may[b] {
				t.Fatalf("seed %d: %q was never appended", seed, b)
			}
		}
		for b := range must {
			if count[b] != 1 {
				t.Fatalf("seed %d, boot %d: %q is there %d times", seed, boot, b, count[b])
			}
		}
		s.Rewind()
		var taken []Record
		for range random.IntN(60) {
			switch random.IntN(4) {
			case 0, 1:
				b := fmt.Sprintf("%d:%s", n, strings.Repeat("z", random.IntN(200)))
				n++
				may[b] = true
				if random.IntN(10) == 0 {
					folder.SetRoom(random.IntN(200))
				}
				if _, err := s.Append(Class(random.IntN(classes)), []byte(b)); err == nil {
					must[b] = true
				}
				folder.SetRoom(-1)
			case 2:
				taken = append(taken, take(t, s, random.IntN(5))...)
			case 3:
				k := random.IntN(len(taken) + 1)
				if err := s.Remove(taken[:k]); err != nil {
					t.Fatal(err)
				}
				for _, r := range taken[:k] {
					delete(must, string(r.Body))
					may[string(r.Body)] = true
				}
				taken = taken[k:]
			}
		}
		folder = folder.Cut(random)
		if _, err := s.Append(HA, []byte("dead")); !errors.Is(err, power.ErrOff) {
			t.Fatalf("kept without power: %v", err)
		}
	}
}

// The promise needs each of the syncs: this folder leaves one out, and loses events.
func TestTheTestFindsAMissingSync(t *testing.T) {
	for _, what := range []string{"file", "folder"} {
		lost := 0
		for seed := range uint64(50) {
			random := rand.New(rand.NewPCG(seed, 2))
			under := power.New()
			s := open(t, lazy{under, what}, Options{Boot: 1})
			keep(t, s, HA, "a", "b")
			if got := take(t, open(t, under.Cut(random), Options{Boot: 2}), 9); len(got) < 2 {
				lost++
			}
		}
		if lost == 0 {
			t.Errorf("nothing is lost without syncing the %s", what)
		}
	}
}

// lazy leaves a sync out.
type lazy struct {
	*power.Folder
	what string
}

func (l lazy) SyncFolder() error {
	if l.what == "folder" {
		return nil
	}
	return l.Folder.SyncFolder()
}

func (l lazy) Create(name string) (disk.File, error) {
	f, err := l.Folder.Create(name)
	if l.what == "file" {
		return lazyFile{f}, err
	}
	return f, err
}

type lazyFile struct{ disk.File }

func (lazyFile) Sync() error { return nil }

// FuzzDecode: what is read from a file is what writing the same again gives, and
// its end is where the file stops being as it was written.
func FuzzDecode(f *testing.F) {
	whole := appendRemoved(appendEvent(slices.Clone(head), ID{7, 1}, []byte(`{"a":1}`)), []span{{7, 1, 1}, {8, 2, 5}})
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(slices.Clone(whole), make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := decode(raw)
		if d.whole > len(raw) {
			t.Fatalf("%d of %d bytes", d.whole, len(raw))
		}
		var events, spans int
		again := []byte{}
		if d.whole > 0 {
			again = append(again, head...)
		}
		for len(again) < d.whole {
			payload, ok := nextEntry(raw[len(again):])
			if !ok {
				t.Fatalf("no entry at %d, though %d bytes are whole", len(again), d.whole)
			}
			if payload[0] == entryEvent {
				e := d.events[events]
				again = appendEvent(again, e.id, raw[e.at:e.at+e.size])
				events++
			} else {
				n := (len(payload) - 1) / spanSize
				again = appendRemoved(again, d.spans[spans:spans+n])
				spans += n
			}
		}
		if !bytes.Equal(again, raw[:d.whole]) || events != len(d.events) || spans != len(d.spans) {
			t.Fatalf("%x is written again as %x", raw[:d.whole], again)
		}
	})
}
