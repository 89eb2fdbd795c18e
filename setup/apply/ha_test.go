package apply_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/apply"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
)

// quiet is a run that nobody looks at.
type quiet struct{ events []apply.Event }

func (q *quiet) Waiting(string, time.Duration) {}
func (q *quiet) Step(e apply.Event)            { q.events = append(q.events, e) }

func (q *quiet) changes() (list []string) {
	for _, e := range q.events {
		if e.Outcome != apply.Begun && e.Outcome != apply.Unchanged {
			list = append(list, fmt.Sprintf("%s %s", e.Step.Name, e.Outcome))
		}
	}
	return list
}

func wanted() plan.Wanted {
	return plan.Wanted{Key: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", Tables: true}
}

var errKilled = errors.New("killed")

// run carries steps out, up to the end of the one named last, "" for all.
func run(t *testing.T, s *sitetest.Site, steps []plan.Step, last string) (*quiet, error) {
	t.Helper()
	q := &quiet{}
	a := apply.Applier{ARM: clientOf(t, s), Progress: q}
	a.Between = func(step string, after bool) error {
		if step == last && after {
			return errKilled
		}
		return nil
	}
	return q, a.Run(t.Context(), steps, &plan.Known{})
}

func ha(t *testing.T, s *sitetest.Site) []plan.Step { return plan.HA(wanted(), facts(t, s)) }

func mustRun(t *testing.T, s *sitetest.Site, steps []plan.Step) *quiet {
	t.Helper()
	q, err := run(t, s, steps, "")
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// D5 to D9: all is there afterwards, the rest is as it was, and a second run and
// a plan have nothing left to do (D11).
func TestHATwice(t *testing.T) {
	s := sitetest.New(t, true)
	mustRun(t, s, ha(t, s))
	first := s.Store()
	if q := mustRun(t, s, ha(t, s)); q.changes() != nil {
		t.Errorf("the second run changed: %q", q.changes())
	}
	if diff := sitetest.Compare(first, s.Store()); diff != nil {
		t.Errorf("the second run changed: %s", diff)
	}
	changes, err := apply.Plan(t.Context(), clientOf(t, s), ha(t, s), &plan.Known{})
	if err != nil || len(changes) > 0 {
		t.Errorf("plan after ha: %+v, %v", changes, err)
	}
}

// D11: what undo leaves is what was there before ha.
func TestUndoGivesBackWhatWas(t *testing.T) {
	s := sitetest.New(t, false)
	before := s.Store()
	mustRun(t, s, ha(t, s))
	mustRun(t, s, plan.Undo(facts(t, s)))
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("after undo: %s", diff)
	}
	if q := mustRun(t, s, plan.Undo(facts(t, s))); q.changes() != nil {
		t.Errorf("a second undo changed: %q", q.changes())
	}
}

// D11: a run that ends after any step, which is before the next, is gone on with
// by the same command, and ends as one that wasn't disturbed. So is an undo.
func TestHAKilledAtEachStep(t *testing.T) {
	undisturbed := sitetest.New(t, true)
	steps := ha(t, undisturbed)
	before := undisturbed.Store()
	mustRun(t, undisturbed, steps)
	want := undisturbed.Store()
	for _, step := range steps {
		t.Run(step.Name, func(t *testing.T) {
			t.Parallel()
			s := sitetest.New(t, true)
			if _, err := run(t, s, ha(t, s), step.Name); !errors.Is(err, errKilled) {
				t.Fatalf("the run ended with %v", err)
			}
			for _, found := range doctor.Blocking(doctor.Examine(facts(t, s))) {
				t.Errorf("the command wouldn't go on: %s: %s", found.Code, found.What)
			}
			mustRun(t, s, ha(t, s))
			if diff := sitetest.Compare(want, s.Store()); diff != nil {
				t.Errorf("resumed: %s", diff)
			}
		})
	}
	for _, step := range plan.Undo(facts(t, undisturbed)) {
		t.Run("undo/"+step.Name, func(t *testing.T) {
			t.Parallel()
			s := sitetest.New(t, true)
			mustRun(t, s, ha(t, s))
			if _, err := run(t, s, plan.Undo(facts(t, s)), step.Name); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			mustRun(t, s, plan.Undo(facts(t, s)))
			if diff := sitetest.Compare(before, s.Store()); diff != nil {
				t.Errorf("undone: %s", diff)
			}
		})
	}
	for _, step := range steps {
		t.Run("half/"+step.Name, func(t *testing.T) {
			t.Parallel()
			s := sitetest.New(t, true)
			if _, err := run(t, s, ha(t, s), step.Name); !errors.Is(err, errKilled) {
				t.Fatalf("the run ended with %v", err)
			}
			mustRun(t, s, plan.Undo(facts(t, s)))
			if diff := sitetest.Compare(before, s.Store()); diff != nil {
				t.Errorf("a half set-up undone: %s", diff)
			}
		})
	}
}
