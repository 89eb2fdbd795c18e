package agent

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

var update = flag.Bool("update", false, "write the stories' transcripts anew")

// TestStories plays the scripts in testdata: each is a list of commands, a
// line "----", and the transcript that they must give to the millisecond. A
// change of the protocol shows as a changed story.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(raw), "----\n")
			got := play(t, script)
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("another story (-update writes it):\n%s", firstDifference(got, want))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\ngot  %s\nwant %s", i+1, a, b)
		}
	}
	return ""
}

// play runs a script and returns what was told.
func play(t *testing.T, script string) string {
	w := newWorld(t)
	for number, line := range strings.Split(script, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if err := w.command(words); err != nil {
			t.Fatalf("line %d: %q: %v", number+1, line, err)
		}
	}
	return strings.Join(w.trace, "\n") + "\n"
}

// command does one line: VERB [WHO] [ARGUMENT].
func (w *world) command(words []string) error {
	argument := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "run", "took":
		d, err := time.ParseDuration(argument(1))
		if err == nil && words[0] == "run" {
			w.run(d)
		} else {
			w.arm.took = d
		}
		return err
	case "cut":
		w.cut = func(from site.Side, path keepalive.Path) bool {
			return (argument(1) == "all" || argument(1) == path.String()) && (argument(2) == "" || argument(2) == from.String())
		}
	case "heal":
		w.cut, w.arm.silent, w.arm.denied = noPath, false, false
	case "azure":
		w.arm.silent, w.arm.denied = argument(1) == "silent", argument(1) == "denied"
	default:
		return w.commandTo(words[0], argument(1), argument(2))
	}
	w.log("-", strings.Join(words, " "), "")
	return nil
}

func (w *world) commandTo(verb, who, argument string) error {
	side, err := site.ParseSide(who)
	if err != nil {
		return err
	}
	n := w.nodes[side]
	w.log("-", verb+" "+who, argument)
	switch verb {
	case "boot":
		w.boot(side)
	case "solo": // as it is before its first HA settings: what follows is "boot"
		n.serve, n.down, n.conf.HA.FromSolo, w.soloAt = w.now+soloHold, true, true, w.now
	case "anew": // another life follows, and the gates stay as they are
		n.life++
		w.boot(side)
	case "settings":
		return n.settings(argument)
	case "agree": // the old keys end
		n.keys.Set(key(n.conf.HA.Generation))
	case "crash":
		n.crash()
	case "stop":
		n.driver.Stop(w.now)
	case "pause":
		d, err := time.ParseDuration(argument)
		n.pause(d)
		return err
	case "wan-down":
		n.readings(fitness.WAN, false, 4)
	case "wan-up":
		n.readings(fitness.WAN, true, 8)
	default:
		return fmt.Errorf("unknown command %q", verb)
	}
	return nil
}

// settings is GENERATION/KEEPALIVE/SILENT/LEASE. Each generation has a key of its own.
func (n *node) settings(text string) error {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return fmt.Errorf("want generation/keepalive/silent/lease")
	}
	c := &n.conf.HA
	old := c.Generation
	var err error
	if c.Generation, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return err
	}
	for i, into := range []*time.Duration{&c.Keepalive, &c.Silent, &c.Lease} {
		if *into, err = time.ParseDuration(parts[1+i]); err != nil {
			return err
		}
	}
	n.keys.Set(key(c.Generation), key(old))
	n.driver.Configure(n.w.now, *c)
	return nil
}

func key(generation uint64) auth.MAC {
	if generation == 1 {
		return auth.NewChecksum([]byte("k"))
	}
	return auth.NewChecksum([]byte{byte(generation)})
}
