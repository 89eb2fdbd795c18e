package apply_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// halfAsleep is a site that had been set up when its primary's VM was deallocated,
// and what was there before it was set up.
func halfAsleep(t *testing.T) (s *sitetest.Site, before map[string]string) {
	t.Helper()
	s = sitetest.New(t, true)
	before = s.Store()
	mustRun(t, s, ha(t, s))
	s.Server.SetPower(s.VMID(sitetest.Primary), store.PowerDeallocated)
	return s, before
}

// D11: Azure reaches no guest that is stopped. Undo takes back all else, and the
// guest's part later.
func TestUndoLeavesAStoppedGuest(t *testing.T) {
	s, before := halfAsleep(t)
	f := facts(t, s)
	if list := plan.Orphaned(f); len(list) != 2 || list[0].Name != "to-cloud" {
		t.Errorf("routes to a stopped VM: %+v", list)
	}
	mustRun(t, s, plan.Undo(f, plan.UndoWanted{}))
	f = facts(t, s)
	if !plan.Extended(&f.Members[0]) || plan.Extended(&f.Members[1]) || f.Members[0].VM.Power != "deallocated" {
		t.Errorf("after undo: the primary is %s with %+v, the secondary has %+v", f.Members[0].VM.Power, f.Members[0].VM.Extensions, f.Members[1].VM.Extensions)
	}
	s.Server.SetPower(s.VMID(sitetest.Primary), store.PowerRunning)
	mustRun(t, s, plan.Undo(facts(t, s), plan.UndoWanted{}))
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("undone at last: %s", diff)
	}
}

// D11: a VM that undo has started is stopped again, also by the run that goes on.
func TestUndoStartsAStoppedVMAndStopsItAgain(t *testing.T) {
	s, _ := halfAsleep(t)
	steps := plan.Undo(facts(t, s), plan.UndoWanted{Start: true})
	var names []string
	for _, step := range steps {
		names = append(names, step.Name)
	}
	for _, last := range names[slices.Index(names, "mark-primary") : slices.Index(names, "unmark-primary")+1] {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			s, before := halfAsleep(t)
			if _, err := run(t, s, plan.Undo(facts(t, s), plan.UndoWanted{Start: true}), last); !errors.Is(err, errKilled) {
				t.Fatalf("the run ended with %v", err)
			}
			mustRun(t, s, plan.Undo(facts(t, s), plan.UndoWanted{Start: true}))
			if power := facts(t, s).Members[site.Primary-1].VM.Power; power != "deallocated" {
				t.Errorf("in the end the VM is %s", power)
			}
			s.Server.SetPower(s.VMID(sitetest.Primary), store.PowerRunning)
			if diff := sitetest.Compare(before, s.Store()); diff != nil {
				t.Errorf("undone: %s", diff)
			}
		})
	}
}

// D12: what an earlier run gave the identity, and this one doesn't need, goes; what
// somebody else gave it stays.
func TestHATakesNeedlessRolesAway(t *testing.T) {
	s := sitetest.New(t, true)
	mustRun(t, s, ha(t, s))
	want := s.Store()
	generous := wanted()
	generous.Contributor = true
	mustRun(t, s, plan.HA(generous, facts(t, s)))
	for _, a := range facts(t, s).Identities[0].Assignments {
		if a.Name != "Contributor" {
			t.Errorf("besides Contributor the identity has %q on %s", a.Name, a.Scope)
		}
	}
	routes := wanted()
	routes.Routes = true
	mustRun(t, s, plan.HA(routes, facts(t, s)))
	theirs := s.LANNIC(site.Primary) + "/providers/Microsoft.Authorization/roleAssignments/5f0c1a2e-0000-4000-9000-0000000000bb"
	principal := facts(t, s).Identities[0].PrincipalID
	s.Place(theirs, `{"properties":{"principalId":"`+principal+`","roleDefinitionId":"/subscriptions/`+s.Subscription+
		`/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"}}`)
	mustRun(t, s, ha(t, s))
	if s.Get(theirs) == nil {
		t.Error("somebody else's assignment is gone")
	}
	s.Delete(theirs)
	if diff := grown(sitetest.Compare(want, s.Store())); len(diff) > 0 {
		t.Errorf("in the end: %s", diff)
	}
}

// grown leaves custom roles out of differences: their actions only grow.
func grown(diff []string) []string {
	return slices.DeleteFunc(diff, func(line string) bool {
		id, _, _ := strings.Cut(line, "\n")
		return strings.Contains(id, "/providers/microsoft.authorization/roledefinitions/")
	})
}
