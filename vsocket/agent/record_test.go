package agent

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/record"
)

// shelf is a recorder in memory that can refuse.
type shelf struct {
	data   []byte
	chunks int
	begun  int
	refuse func(chunk int) bool
}

func (s *shelf) Record(chunk []byte, begins bool) bool {
	s.chunks++
	if s.refuse != nil && s.refuse(s.chunks) {
		return false
	}
	if begins {
		s.begun++
	}
	s.data = append(s.data, chunk...)
	return true
}

// recorded gives both vSockets a recorder.
func (w *world) recorded() (p, s *shelf) {
	p, s = &shelf{}, &shelf{}
	w.nodes[site.Primary].recorder, w.nodes[site.Secondary].recorder = p, s
	return p, s
}

// lines are a side's in the world's trace, as the journal had them.
func (w *world) lines(side site.Side) (lines []string) {
	for _, line := range w.trace {
		if strings.Fields(line)[1] == side.String() {
			lines = append(lines, line)
		}
	}
	return lines
}

func replay(t *testing.T, data []byte) (lines []string, done Replayed) {
	t.Helper()
	done, err := Replay(data, func(e site.Entry) {
		line := fmt.Sprintf("%9.3f %-9s %s: %s", (e.At - time.Hour).Seconds(), e.Who, e.What, e.Detail)
		if e.Who == Replayer {
			t.Log(line)
			return
		}
		lines = append(lines, line)
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, done
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("line %d of %d is %q, and in the journal (%d) %q", i, len(got), got[i:min(i+1, len(got))], len(want), want[i:min(i+1, len(want))])
			return
		}
	}
}

// story is a takeover, a failback, and all kinds of inputs on the way.
func story(t *testing.T, w *world) {
	t.Helper()
	p, s := w.bootBoth()
	w.at(w.now+300*time.Millisecond, func() { s.driver.Status(w.now) })
	w.run(5 * time.Second)
	p.driver.Datagram(w.now, keepalive.LAN, []byte("noise"))
	p.readings(fitness.WAN, false, 5)
	w.run(20 * time.Second)
	p.readings(fitness.WAN, true, 9)
	p.driver.Status(w.now)
	w.run(time.Minute)
	w.at1(p, site.Active)
	w.cut = everyPath
	w.run(3 * time.Second)
	w.cut = noPath
	w.run(time.Minute)
	p.crash()
	w.run(20 * time.Second)
	w.at1(s, site.Active)
	w.boot(site.Primary)
	w.run(time.Minute)
	w.at1(p, site.Active)
	p.driver.Stop(w.now)
	w.run(10 * time.Second)
	w.at1(s, site.Active)
	p.driver.Close()
	s.driver.Close()
}

// A record tells the same story as the journal, and the core decides the same
// again: what a driver does depends on nothing that isn't in the record.
func TestRecordIsReplayed(t *testing.T) {
	w := newWorld(t)
	p, s := w.recorded()
	story(t, w)
	for side, from := range map[site.Side]*shelf{site.Primary: p, site.Secondary: s} {
		lines, done := replay(t, from.data)
		if done.Different != "" || done.Missing != 0 || done.Unread != 0 || done.Panic != "" {
			t.Errorf("%s: %+v", side, done)
		}
		want := w.lines(side)
		if side == site.Primary { // the last second before the crash is lost, and nothing was said in it
			if done.Parts != 2 {
				t.Errorf("%d parts", done.Parts)
			}
		}
		same(t, lines, want)
		t.Logf("%s: %d bytes, %+v", side, len(from.data), done)
	}
}

// Parts begin with a checkpoint, each replayable by itself; a replay that has
// come from the part before finds the same state of mind in it.
func TestRecordGoesOnFromCheckpoints(t *testing.T) {
	w := newWorld(t)
	_, s := w.recorded()
	w.nodes[site.Secondary].part = 20 << 10
	story(t, w)
	if s.begun < 5 {
		t.Fatalf("only %d parts", s.begun)
	}
	if _, done := replay(t, s.data); done.Different != "" || done.Missing != 0 {
		t.Errorf("whole: %+v", done)
	}
	all := w.lines(site.Secondary)
	parts := 0
	for at := 0; at < len(s.data); at++ {
		rest := s.data[at:]
		if !record.Is(rest) || bytes.Index(rest, []byte{'R', 'L', 'V', 0x81}) != 0 {
			continue
		}
		var row record.Row
		if r := record.NewReader(rest); !r.Next(&row) || row.Kind != record.HeadRow {
			continue
		}
		parts++
		lines, done := replay(t, rest)
		if done.Different != "" || done.Missing != 0 || done.Unread != 0 {
			t.Errorf("from byte %d: %+v", at, done)
		}
		same(t, lines, all[len(all)-len(lines):])
	}
	if parts < s.begun {
		t.Errorf("%d of %d parts replayed", parts, s.begun)
	}
}

// Chunks that the disk was too slow for are told, and the replay goes on behind
// them.
func TestRecordTellsLostInputs(t *testing.T) {
	w := newWorld(t)
	_, s := w.recorded()
	s.refuse = func(chunk int) bool { return chunk%20 == 0 }
	story(t, w)
	lines, done := replay(t, s.data)
	if done.Different != "" || done.Missing < 5 {
		t.Errorf("%+v", done)
	}
	if len(lines) == 0 || len(lines) > len(w.lines(site.Secondary)) {
		t.Errorf("%d lines", len(lines))
	}
}

// An input that was changed is found out.
func TestReplayFindsADifference(t *testing.T) {
	w := newWorld(t)
	_, s := w.recorded()
	story(t, w)
	for name, change := range map[string]func(row *record.Row) (leaveOut bool){
		"a reading":         func(r *record.Row) bool { return r.Kind == record.Reading && r.Probe == uint8(fitness.LAN) },
		"a keepalive's age": func(r *record.Row) bool { r.At += time.Millisecond; return false },
		"a note": func(r *record.Row) bool {
			if r.Kind == record.Note && r.What == "active" {
				r.Detail = "for another reason"
			}
			return false
		},
		"a note left out": func(r *record.Row) bool { return r.Kind == record.Note && r.What == "claim" },
		"a sum": func(r *record.Row) bool {
			if r.Kind == record.Check {
				r.Sum++
			}
			return false
		},
		"a note without its input": func(r *record.Row) bool { return r.Kind.Input() && r.Kind != record.Tick },
	} {
		_, done := replay(t, changed(s.data, change))
		if done.Different == "" {
			t.Errorf("%s: not found: %+v", name, done)
		}
		t.Logf("%s: %s", name, done.Different)
	}
}

// changed writes a record anew.
func changed(data []byte, change func(*record.Row) bool) []byte {
	var rows record.Rows
	var out []byte
	r := record.NewReader(data)
	var row record.Row
	for r.Next(&row) {
		if !change(&row) {
			out = rows.Append(out, &row)
		}
	}
	return record.AppendChunk(nil, 0, out)
}

// A port that fails ends the agent, and at a replay too.
func TestRecordKeepsFailures(t *testing.T) {
	w := newWorld(t)
	p, _ := w.recorded()
	n := w.boot(site.Primary)
	n.driver.tape.ports.Store = full{n}
	w.run(10 * time.Second)
	if stopped, err := n.driver.Stopped(); !stopped || err == nil {
		t.Fatalf("the agent runs on with a full disk: %v", err)
	}
	n.driver.Close()
	lines, done := replay(t, p.data)
	same(t, lines, w.lines(site.Primary))
	if done.Different != "" {
		t.Errorf("%+v", done)
	}
}

type full struct{ *node }

func (full) Save([]byte) error { return errors.New("no space left on device") }

// Nothing that must not leave the vSocket is in its record: no signature, and of
// a VM only whether it runs.
func TestRecordHasNoSecrets(t *testing.T) {
	to := &shelf{}
	w := newWorld(t)
	n := w.nodes[site.Secondary]
	n.recorder, n.conf.Steer.PeerVM = to, true
	n.conf.HA.Preempt = false
	w.boot(site.Secondary)
	tape := n.driver.tape
	tape.ports.Cloud = nowhere{}
	tape.Start(steer.Request{ID: 77, Target: steer.PeerVM})
	vm := `{"properties":{"osProfile":{"adminUsername":"root-of-all"},"instanceView":{"statuses":[{"code":"PowerState/running"},{"code":"free text"}]}}}`
	n.driver.Response(w.now, &steer.Response{ID: 77, Status: 200, Body: []byte(vm)})
	n.driver.Response(w.now, &steer.Response{ID: 78, Status: 403, Code: "Forbidden", Body: []byte(`{"all":"of it"}`)})
	mac := auth.NewHMAC([]byte("the key"))
	n.driver.ports.MAC = mac
	datagram := keepalive.Append(nil, &keepalive.Message{Path: keepalive.LAN, From: site.Primary, Seq: 1, Third: keepalive.ARM}, mac)
	n.driver.Datagram(w.now, keepalive.LAN, datagram)
	if n.driver.received.Good != 1 {
		t.Fatal("the datagram wasn't taken")
	}
	n.driver.Close()
	for _, secret := range []string{"root-of-all", "free text", "of it", string(datagram[record.BodySize : record.BodySize+8])} {
		if bytes.Contains(to.data, []byte(secret)) {
			t.Errorf("the record has %q", secret)
		}
	}
	if !bytes.Contains(to.data, []byte("PowerState/running")) {
		t.Error("the record hasn't the VM's power state")
	}
}

type nowhere struct{}

func (nowhere) Start(steer.Request) {}

// A checkpoint has all of a driver but what is made anew, or empty between two
// calls; and no machine has an interface that a checkpoint would leave out.
func TestCheckpointLeavesNothingOut(t *testing.T) {
	made := []string{"cfg", "ports", "boot", "tape", "in", "reply", "out", "events", "failed"}
	for i := range reflect.TypeFor[mind]().NumField() {
		made = append(made, reflect.TypeFor[mind]().Field(i).Name)
	}
	for i := range reflect.TypeFor[Driver]().NumField() {
		if name := reflect.TypeFor[Driver]().Field(i).Name; !slices.Contains(made, name) {
			t.Errorf("Driver.%s is in no checkpoint", name)
		}
	}
	var left []string
	leftOut(reflect.TypeFor[mind](), "", &left)
	if want := []string{"ha.actions", "steer.actions"}; !slices.Equal(left, want) {
		t.Errorf("not in a checkpoint: %v, want %v", left, want)
	}
}

// leftOut finds what freeze leaves out, and types of others whose meaning it
// can't know.
func leftOut(t reflect.Type, name string, left *[]string) {
	if t == reflect.TypeFor[netip.Addr]() {
		return
	}
	if t.Kind() == reflect.Struct && !strings.HasPrefix(t.PkgPath(), "releve.dev/") {
		*left = append(*left, name+" "+t.String())
		return
	}
	switch t.Kind() {
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		*left = append(*left, strings.TrimPrefix(name, "."))
	case reflect.Struct:
		for i := range t.NumField() {
			leftOut(t.Field(i).Type, name+"."+t.Field(i).Name, left)
		}
	case reflect.Slice, reflect.Pointer, reflect.Array, reflect.Map:
		leftOut(t.Elem(), name, left)
	}
}

// FuzzReplay: whatever a record holds, replaying it comes to an end.
func FuzzReplay(f *testing.F) {
	var t testing.T
	w := newWorld(&t)
	_, s := w.recorded()
	w.nodes[site.Secondary].part = 2 << 10
	w.boot(site.Primary)
	w.boot(site.Secondary)
	w.run(4 * time.Second)
	w.nodes[site.Secondary].driver.Close()
	f.Add(rowsOf(s.data, 60))
	f.Add(rowsOf(s.data, 400))
	f.Fuzz(func(t *testing.T, rows []byte) {
		done, err := Replay(record.AppendChunk(nil, 0, rows), func(site.Entry) {})
		if err == nil && done.Parts+done.Unread == 0 {
			t.Fatalf("%+v", done)
		}
	})
}

// rowsOf are the first rows of a record, without chunks.
func rowsOf(data []byte, most int) (out []byte) {
	var rows record.Rows
	r := record.NewReader(data)
	var row record.Row
	for r.Next(&row) && most > 0 {
		out = rows.Append(out, &row)
		most--
	}
	return out
}

// BenchmarkSecond is what a pair costs in a second at rest, and what the record
// adds to it.
func BenchmarkSecond(b *testing.B) {
	for name, recorded := range map[string]bool{"alone": false, "recorded": true} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(&testing.T{})
			if recorded {
				w.recorded()
			}
			w.bootBoth()
			for b.Loop() {
				w.run(time.Second)
				if recorded {
					w.nodes[site.Primary].recorder.(*shelf).data = nil
					w.nodes[site.Secondary].recorder.(*shelf).data = nil
				}
			}
		})
	}
}

// BenchmarkCheckpoint is how long the loop stands still when a part begins.
func BenchmarkCheckpoint(b *testing.B) {
	w := newWorld(&testing.T{})
	w.recorded()
	p, _ := w.bootBoth()
	b.SetBytes(int64(len(p.driver.freeze(0))))
	for b.Loop() {
		p.driver.freeze(0)
	}
}
