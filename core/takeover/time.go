package takeover

import (
	"slices"
	"strings"
	"time"

	"releve.dev/releve/site"
)

// Kind is what a row tells of.
type Kind string

// The kinds of rows.
const (
	Seen    Kind = "seen"    // of the world outside: the peer, the witness, Azure's answers
	Decided Kind = "decided" // what the vSocket made of it, and did on its own machine
	Called  Kind = "called"  // a write to Azure's API, which takes as long as Azure takes
)

// seen are the texts of what comes from outside; "arm …" all but the write.
var seen = []string{"peer suspect", "peer silent", "peer heard", "peer boot", "getting ready", "ha not ready", "ha indicator ok", "fit", "not fit",
	"witness reached", "witness lost", "witness restarted", "term", whatGranted, whatFailed, whatRead, whatSteered,
	"floating ip missing", "floating ip on the peer", "nic changed"}

// KindOf is a row's.
func KindOf(e *site.Entry) Kind {
	switch {
	case e.What == whatWrite:
		return Called
	case slices.Contains(seen, e.What), strings.HasPrefix(e.What, "arm "):
		return Seen
	}
	return Decided
}

// answers are the rows that show that Azure has done what the write before asked for,
// or won't. The journal has no row for the answer itself, as Azure's word for a write
// is what a later read shows.
var answers = []string{whatGranted, whatFailed, whatRead, whatSteered, "arm refused", "arm undone", "arm problem", whatWrite}

// Step is a row with its place in the story.
type Step struct {
	site.Entry
	Kind  Kind
	After time.Duration // since the first row
	Took  time.Duration // of a call: until what shows its answer
}

// Steps are the rows.
func (t *Takeover) Steps() []Step {
	steps := make([]Step, 0, len(t.Rows))
	for i := range t.Rows {
		s := Step{Entry: t.Rows[i], Kind: KindOf(&t.Rows[i]), After: t.after(i)}
		if s.Kind == Called {
			s.Took = t.after(t.answer(i)) - s.After
		}
		steps = append(steps, s)
	}
	return steps
}

func (t *Takeover) after(i int) time.Duration { return t.Rows[i].At - t.Rows[0].At }

// answer is the row that shows the answer to a call: the last one, if none does.
func (t *Takeover) answer(call int) int {
	for i := call + 1; i < len(t.Rows); i++ {
		if slices.Contains(answers, t.Rows[i].What) {
			return i
		}
	}
	return len(t.Rows) - 1
}

// Times are how long a takeover took, counted from the first sign of it.
type Times struct {
	Claimed time.Duration // it was decided to take over
	Granted time.Duration
	Serving time.Duration // the gate opened; 0: it never did
	Ended   time.Duration // the last row: the address is where it belongs, as a rule
	Azure   time.Duration // of the time until Serving (Ended, if there was none): calls on their way
}

// Ours is what of the time until the traffic was served wasn't Azure's.
func (s Times) Ours() time.Duration { return s.Until() - s.Azure }

// Until is the time that is split into Azure's and ours.
func (s Times) Until() time.Duration {
	if s.Serving > 0 {
		return s.Serving
	}
	return s.Ended
}

// Times reads them.
func (t *Takeover) Times() Times {
	s := Times{Granted: t.after(t.granted()), Ended: t.after(len(t.Rows) - 1)}
	s.Claimed = s.Granted
	granted := t.granted()
	for i := range t.Rows {
		switch t.Rows[i].What {
		case whatClaim:
			if i < granted {
				s.Claimed = t.after(i) // the last one: those before failed
			}
		case whatOpened:
			if i > granted && s.Serving == 0 {
				s.Serving = t.after(i)
			}
		}
	}
	for _, step := range t.Steps() {
		if step.Kind == Called && step.After < s.Until() {
			s.Azure += min(step.Took, s.Until()-step.After)
		}
	}
	return s
}

// Cause is why it was: the claim's reason.
func (t *Takeover) Cause() string {
	for i := t.granted(); i >= 0; i-- {
		if r := &t.Rows[i]; r.What == whatClaim || r.What == whatGranted {
			if _, why, found := strings.Cut(r.Detail, ": "); found {
				return why
			}
			if _, why, found := strings.Cut(r.Detail, ", after "); found {
				return why
			}
		}
	}
	return ""
}
