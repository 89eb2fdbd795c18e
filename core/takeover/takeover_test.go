package takeover

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// journals are the vSockets' rows in one of the agent's stories.
func journals(t *testing.T, file string) map[string][]site.Entry {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, told, _ := strings.Cut(string(text), "\n----\n")
	rows := map[string][]site.Entry{}
	for line := range strings.Lines(told) {
		var at float64
		var who string
		if _, err := fmt.Sscan(line, &at, &who); err != nil {
			continue
		}
		_, rest, _ := strings.Cut(line, " "+who+" ")
		what, detail, _ := strings.Cut(strings.TrimSpace(rest), ":")
		after := time.Duration(at * float64(time.Second)).Round(time.Millisecond)
		rows[who] = append(rows[who], site.Entry{Wall: noon.Add(after), At: after, Who: who, What: what, Detail: strings.TrimSpace(detail)})
	}
	return rows
}

const stories = "../../vsocket/agent/testdata"

// A crash and the way back: each takeover is in the journal of who took over, with
// the time that Azure took apart.
func TestCrashAndFailback(t *testing.T) {
	all := journals(t, filepath.Join(stories, "crash-and-failback.txt"))
	found, pending := Cut(all["secondary"], site.Secondary, noon.Add(time.Hour))
	if len(found) != 1 || pending {
		t.Fatalf("%d takeovers, pending %t", len(found), pending)
	}
	s, ms := found[0], time.Millisecond
	if want := (Times{Claimed: 1100 * ms, Granted: 1120 * ms, Serving: 1130 * ms, Ended: 1140 * ms, Azure: 30 * ms}); s.Times() != want || s.Times().Ours() != 1100*ms {
		t.Errorf("%+v, ours %s", s.Times(), s.Times().Ours())
	}
	if s.Term != 2 || s.Rows[0].What != "peer suspect" || s.Rows[len(s.Rows)-1].What != "steering done" || s.Cause() != "the active peer is silent" ||
		!s.Granted().Equal(noon.Add(11191*ms)) {
		t.Errorf("%+v", s)
	}
	kinds := map[Kind]int{}
	for _, step := range s.Steps() {
		kinds[step.Kind]++
	}
	if !reflect.DeepEqual(kinds, map[Kind]int{Seen: 6, Decided: 4, Called: 2}) {
		t.Errorf("%v", kinds)
	}
	found, _ = Cut(all["primary"], site.Primary, noon.Add(time.Hour))
	if len(found) != 2 || found[0].Term != 1 || found[1].Term != 3 || found[1].Rows[0].What != "asks for the role back" || found[1].Cause() != "the peer yielded" {
		t.Errorf("%+v", found)
	}
}

// Each term that is granted in any of the agent's stories is a takeover that can be
// sent and read again, and that begins and ends with what is its own.
func TestEachStory(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(stories, "*.txt"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for who, rows := range journals(t, file) {
			side, err := site.ParseSide(who)
			if err != nil {
				continue
			}
			granted := 0
			for _, r := range rows {
				if r.What == whatGranted {
					granted++
				}
			}
			found, _ := Cut(rows, side, noon.Add(time.Hour))
			if len(found) != granted {
				t.Errorf("%s: the %s tells %d takeovers of %d", file, who, len(found), granted)
			}
			for _, s := range found {
				raw, err := s.Encode()
				if err != nil {
					t.Errorf("%s: %v", file, err)
					continue
				}
				again, err := Decode(raw)
				if err != nil || !reflect.DeepEqual(again, s) {
					t.Errorf("%s: %v, %+v is read as %+v", file, err, s, again)
				}
				for _, r := range s.Rows[1 : len(s.Rows)-1] {
					if r.What == whatSteered || r.What == whatStarted {
						t.Errorf("%s: %q inside of term %d's", file, r.What, s.Term)
					}
				}
			}
		}
	}
}

// rows are a row each 100 ms.
func rows(whats ...string) (all []site.Entry) {
	for i, what := range whats {
		what, detail, _ := strings.Cut(what, ": ")
		at := time.Duration(i) * 100 * time.Millisecond
		all = append(all, site.Entry{Wall: noon.Add(at), At: at, Who: "secondary", What: what, Detail: detail})
	}
	return all
}

// What isn't over is waited for, but not for ever; a life's end ends it.
func TestPending(t *testing.T) {
	going := rows("claim: term 7: x", "term granted: term 7, after x", "arm write: y")
	if found, pending := Cut(going, site.Secondary, noon.Add(time.Second)); len(found) != 0 || !pending {
		t.Errorf("%v, pending %t", found, pending)
	}
	found, pending := Cut(going, site.Secondary, noon.Add(Patience+time.Second))
	if len(found) != 1 || pending || found[0].Times().Serving != 0 || found[0].Times().Azure != 0 {
		t.Errorf("%+v, pending %t", found, pending)
	}
	restarted := append(going, rows("started: x")...) // another boot: its clock begins anew
	if found, pending := Cut(restarted, site.Secondary, noon.Add(time.Second)); len(found) != 1 || pending || len(found[0].Rows) != 3 {
		t.Errorf("%+v, pending %t", found, pending)
	}
}

// However much the journal has of it, what is sent is bounded, and has its beginning,
// its grant and its end.
func TestBounded(t *testing.T) {
	whats := []string{"peer silent: " + strings.Repeat("ü", 400)}
	for range 400 {
		whats = append(whats, "ha not ready: <"+strings.Repeat("é", 300)+"\n>")
	}
	whats = append(whats, "claim: term 7: x")
	for range 300 {
		whats = append(whats, "arm throttled: x")
	}
	whats = append(whats, "term granted: term 7, after x")
	for range 300 {
		whats = append(whats, "arm throttled: x")
	}
	whats = append(whats, "gate opened: term 7", "steering done: x")
	all := rows(whats...)
	for i := range all {
		all[i].At /= 10 // all within the lead
	}
	found, _ := Cut(all, site.Secondary, noon.Add(time.Hour))
	if len(found) != 1 {
		t.Fatal(len(found))
	}
	s := found[0]
	if raw, err := s.Encode(); err != nil || len(raw) > MostBytes {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	if len(s.Rows) != MostRows || s.Left != len(all)-MostRows || s.Rows[0].What != "peer silent" || s.granted() < 0 || s.Rows[MostRows-1].What != "steering done" {
		t.Errorf("%d rows, %d left, from %q to %q", len(s.Rows), s.Left, s.Rows[0].What, s.Rows[len(s.Rows)-1].What)
	}
}

// FuzzDecode: what is taken can be drawn.
func FuzzDecode(f *testing.F) {
	found, _ := Cut(rows("claim: term 7: x", "arm write: y", "term granted: term 7, after x", "steering done: z"), site.Secondary, noon.Add(time.Hour))
	raw, err := found[0].Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Decode(raw)
		if err != nil {
			return
		}
		times := s.Times()
		if times.Ours() < 0 || times.Azure < 0 || times.Ended < times.Granted || len(s.Steps()) != len(s.Rows) {
			t.Errorf("%+v", times)
		}
		_ = s.Cause() + s.Began().String() + s.Granted().String()
		if _, err := s.Encode(); err != nil && len(raw) < MostBytes/8 {
			t.Error(err)
		}
	})
}
