package ha

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

var update = flag.Bool("update", false, "write the stories' transcripts anew")

// TestTrioStories plays the scripts in testdata/trio with two machines and a
// witness, all real, on one virtual clock: commands, a line "----", and the
// transcript that they must give. At no moment may two gates be open (section 5, 1).
func TestTrioStories(t *testing.T) {
	files, err := filepath.Glob("testdata/trio/*.txt")
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
			w := newTrio(t)
			for line := range strings.Lines(script) {
				if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
					w.command(words)
				}
			}
			got := strings.Join(w.trace, "")
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("another story (-update writes it):\n%s", got)
			}
		})
	}
}

// trio is a site with a witness: what machines and witness say arrives, and Azure
// does what it is told.
type trio struct {
	t       *testing.T
	now     Time
	due     []happening
	nodes   map[site.Side]*member
	witness *witness.Witness // nil while it is down
	record  *witness.Record  // on its disk
	lost    bool             // the disk was
	run     uint64
	cut     map[string]bool
	fip     site.Side
	trace   []string
}

type happening struct {
	at Time
	do func()
}

// member is one vSocket.
type member struct {
	side   site.Side
	m      *Machine // nil while it is down
	state  *State
	boots  byte
	serve  Time
	goal   Goal
	unwell bool
}

// How long things take.
const (
	lanTrip    = ms / 2
	tunnelTrip = 5 * ms
	fetchTime  = 30 * ms
	steerTime  = time.Second
)

func newTrio(t *testing.T) *trio {
	w := &trio{t: t, nodes: map[site.Side]*member{}, cut: map[string]bool{}, run: 100}
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		w.nodes[side] = &member{side: side, state: &State{}}
	}
	w.command([]string{"witness", "start"})
	return w
}

// command does one line: VERB ARGUMENTS.
func (w *trio) command(words []string) {
	last := words[len(words)-1]
	if words[0] != "run" {
		w.say("-", strings.Join(words, " "))
	}
	switch words[0] {
	case "run":
		d, err := time.ParseDuration(last)
		if err != nil {
			w.t.Fatal(err)
		}
		w.pass(d)
	case "cut": // lan, or tunnel SIDE, or tunnel SIDE up or down
		w.cut[strings.Join(words[1:], " ")] = true
	case "heal":
		clear(w.cut)
	case "witness":
		w.witnessIs(last)
	default:
		side, err := site.ParseSide(last)
		if err != nil {
			w.t.Fatal(err)
		}
		w.node(words[0], w.nodes[side])
	}
}

func (w *trio) witnessIs(what string) {
	switch what {
	case "stop":
		w.witness = nil
	case "blank":
		w.record, w.lost = nil, true
	case "start":
		w.run += 2
		w.witness = witness.New(7, w.run, w.record, w.lost, w.now)
		w.lost = false
		w.witnessDid(w.witness.Start(w.now))
	}
}

func (w *trio) node(verb string, n *member) {
	switch verb {
	case "boot":
		n.boots++
		cfg := testConfig(n.side)
		cfg.Third, cfg.WitnessID = keepalive.Witness, 7
		n.m = New(cfg, site.BootID{byte(n.side), n.boots}, uint64(n.side)<<8|uint64(n.boots), n.state, w.now)
		w.did(n, n.m.Start(w.now))
		w.step(n, Fitness{Fit: !n.unwell})
		w.step(n, AzureReach{OK: true})
	case "crash":
		n.m, n.serve = nil, 0
	case "unfit", "fit":
		n.unwell = verb == "unfit"
		w.step(n, Fitness{Fit: !n.unwell, Reason: map[bool]keepalive.Reason{true: keepalive.LANDown}[n.unwell]})
	default:
		w.t.Fatalf("%s?", verb)
	}
}

func (w *trio) after(d Time, do func()) {
	w.due = append(w.due, happening{w.now + d, do})
	slices.SortStableFunc(w.due, func(a, b happening) int { return int(a.at - b.at) })
}

// pass lets time pass from one thing that happens to the next.
func (w *trio) pass(d Time) {
	for end := w.now + d; ; {
		next, do := end, func() {}
		if len(w.due) > 0 && w.due[0].at <= next {
			next, do = w.due[0].at, func() {
				first := w.due[0]
				w.due = w.due[1:]
				first.do()
			}
		}
		for _, side := range [...]site.Side{site.Primary, site.Secondary} {
			if n := w.nodes[side]; n.m != nil && n.m.Next() < next {
				next, do = max(w.now, n.m.Next()), func() { w.step(n, Tick{}) }
			}
		}
		if next >= end {
			w.now = end
			return
		}
		w.now = next
		do()
	}
}

func (w *trio) step(n *member, event Event) {
	if n.m != nil {
		w.did(n, n.m.Step(w.now, event))
	}
}

func (w *trio) say(who, what string) {
	w.trace = append(w.trace, fmt.Sprintf("%9.3f %-9s %s\n", w.now.Seconds(), who, what))
}

// did does what a machine wants done.
func (w *trio) did(n *member, actions []Action) {
	boot := n.boots
	later := func(d Time, event func() Event) {
		w.after(d, func() {
			if n.boots == boot {
				w.step(n, event())
			}
		})
	}
	for _, action := range actions {
		switch a := action.(type) {
		case Save:
			state := a.State
			n.state = &state
		case Send:
			if msg := *a.Message; !w.cut["lan"] {
				w.after(lanTrip, func() { w.step(w.nodes[n.side.Peer()], Heard{&msg}) })
			}
		case Question:
			w.ask(n, *a.Question)
		case Retry:
			w.say(n.side.String(), "tries the PoP at once")
		case Serve:
			n.serve = a.Until
		case Steer:
			n.goal = a.Goal
			switch goal := a.Goal; {
			case goal.Mode == Prepare:
				later(fetchTime, func() Event { return Prepared{} })
			case goal.Mode == Hold && !goal.Shut:
				later(steerTime, func() Event { return w.steered(n) })
			}
		case ReadMetadata:
			later(ms, func() Event { return Metadata{SentAt: w.now - ms, Mine: w.fip == n.side} })
		case Note:
			w.say(n.side.String(), strings.TrimSuffix(a.What+": "+a.Detail, ": "))
		}
	}
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	if p.serve > w.now && s.serve > w.now {
		w.t.Fatalf("two gates are open at %v\n%s", w.now, strings.Join(w.trace, ""))
	}
}

// steered: Azure has brought the floating IP to who wants it still.
func (w *trio) steered(n *member) Event {
	if n.goal.Mode != Hold || n.goal.Shut {
		return Steered{}
	}
	w.fip = n.side
	return Steered{Mine: true, Done: true}
}

func (w *trio) open(side site.Side, way string) bool {
	tunnel := "tunnel " + side.String()
	return !w.cut[tunnel] && !w.cut[tunnel+" "+way]
}

func (w *trio) ask(n *member, q wire.Question) {
	if w.open(n.side, "up") {
		w.after(tunnelTrip, func() {
			if w.witness != nil {
				w.witnessDid(w.witness.Hear(w.now, &q))
			}
		})
	}
}

func (w *trio) witnessDid(actions []witness.Action) {
	for _, action := range actions {
		switch a := action.(type) {
		case witness.Save:
			record := a.Record
			w.record = &record
		case witness.Say:
			if r := *a.Reply; w.open(r.To, "down") {
				w.after(tunnelTrip, func() { w.step(w.nodes[r.To], Told{&r}) })
			}
		case witness.Route:
			w.say("witness", "downstream to the "+a.To.String())
		case witness.Note:
			w.say("witness", a.What+": "+a.Detail)
		}
	}
}
