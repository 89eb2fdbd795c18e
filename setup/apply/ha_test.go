package apply_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/apply"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
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
	made := mustRun(t, s, ha(t, s)).changes()
	if p, q := slices.Index(made, "settings-primary created"), slices.Index(made, "settings-secondary created"); p < 0 || p > q {
		t.Errorf("the primary, which serves, isn't the first that has settings: %q", made)
	}
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
	mustRun(t, s, plan.Undo(facts(t, s), plan.UndoWanted{}))
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("after undo: %s", diff)
	}
	if q := mustRun(t, s, plan.Undo(facts(t, s), plan.UndoWanted{})); q.changes() != nil {
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
	undone, err := apply.Plan(t.Context(), clientOf(t, undisturbed), plan.Undo(facts(t, undisturbed), plan.UndoWanted{}), &plan.Known{})
	if err != nil || len(undone) < 15 {
		t.Fatalf("undo would change %d, %v", len(undone), err)
	}
	for _, change := range undone {
		step := change.Step
		t.Run("undo/"+step.Name, func(t *testing.T) {
			t.Parallel()
			s := sitetest.New(t, true)
			mustRun(t, s, ha(t, s))
			if _, err := run(t, s, plan.Undo(facts(t, s), plan.UndoWanted{}), step.Name); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			mustRun(t, s, plan.Undo(facts(t, s), plan.UndoWanted{}))
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
			mustRun(t, s, plan.Undo(facts(t, s), plan.UndoWanted{}))
			if diff := sitetest.Compare(before, s.Store()); diff != nil {
				t.Errorf("a half set-up undone: %s", diff)
			}
		})
	}
}

// D11: undo finds the floating IP where a failover has put it, under the address
// that the manager has given it since, and leaves what others changed meanwhile.
func TestUndoAfterAFailover(t *testing.T) {
	s := sitetest.New(t, false)
	theirs := func() {
		s.Change(s.RouteTableID(), func(table map[string]any) {
			route(table, "to-sites")["nextHopIpAddress"] = "10.102.4.78"
			table["tags"].(map[string]any)["theirs"] = "kept"
		})
	}
	theirs()
	before := s.Store()
	s.Change(s.RouteTableID(), func(table map[string]any) {
		route(table, "to-sites")["nextHopIpAddress"] = sitetest.Addr(site.Primary, sitetest.LAN).String()
	})
	mustRun(t, s, ha(t, s))
	theirs()
	now := sitetest.FloatingIP.Next()
	var moved any
	s.Change(s.LANNIC(site.Primary), func(nic map[string]any) {
		properties := nic["properties"].(map[string]any)
		list := properties["ipConfigurations"].([]any)
		moved, properties["ipConfigurations"] = list[1], list[:1]
		nic["tags"].(map[string]any)[site.ClaimTag] = "3 secondary"
	})
	s.Change(s.LANNIC(site.Secondary), func(nic map[string]any) {
		properties := nic["properties"].(map[string]any)
		moved.(map[string]any)["properties"].(map[string]any)["privateIPAddress"] = now.String()
		delete(moved.(map[string]any), "id")
		properties["ipConfigurations"] = append(properties["ipConfigurations"].([]any), moved)
	})
	s.Change(s.RouteTableID(), func(table map[string]any) { route(table, "to-cloud")["nextHopIpAddress"] = now.String() })
	f := facts(t, s)
	f.Wanted.FloatingIP = now
	mustRun(t, s, plan.Undo(f, plan.UndoWanted{}))
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("undone: %s", diff)
	}
}

func route(table map[string]any, name string) map[string]any {
	for _, r := range table["properties"].(map[string]any)["routes"].([]any) {
		if r := r.(map[string]any); r["name"] == name {
			return r["properties"].(map[string]any)
		}
	}
	return nil
}

// An identity that was deleted and made anew has another principal: its roles are
// made anew.
func TestHAAfterTheIdentityWasMadeAnew(t *testing.T) {
	s := sitetest.New(t, true)
	mustRun(t, s, ha(t, s))
	want := s.Store()
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		s.Change(s.VMID(sitetest.VM(side)), func(vm map[string]any) {
			delete(vm["identity"].(map[string]any)["userAssignedIdentities"].(map[string]any), plan.IdentityID(facts(t, s)))
			if side == site.Primary {
				vm["identity"] = map[string]any{"type": "None"}
			}
		})
	}
	s.Delete(plan.IdentityID(facts(t, s)))
	mustRun(t, s, ha(t, s))
	if diff := sitetest.Compare(want, s.Store()); diff != nil {
		t.Errorf("in the end: %s", diff)
	}
}
