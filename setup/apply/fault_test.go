package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/apply"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// meddler is ARM where somebody else comes in between a read and a write.
type meddler struct {
	*account.Client
	at     string // part of the id that is written
	meddle func()
	once   sync.Once
}

func (m *meddler) Put(ctx context.Context, id string, body document.Document, etag string) (document.Document, error) {
	if strings.Contains(id, m.at) {
		m.once.Do(m.meddle)
	}
	return m.Client.Put(ctx, id, body, etag)
}

// B5, D11: what somebody else writes between our read and our write stays, as does
// what we write.
func TestAForeignWriteInBetweenStays(t *testing.T) {
	for kind, id := range map[string]func(*sitetest.Site) string{
		"NIC":         func(s *sitetest.Site) string { return s.LANNIC(site.Primary) },
		"route table": func(s *sitetest.Site) string { return s.RouteTableID() },
		"VM":          func(s *sitetest.Site) string { return s.VMID(sitetest.Primary) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := sitetest.New(t, true)
			m := &meddler{Client: clientOf(t, s), at: id(s), meddle: func() {
				s.Change(id(s), func(body map[string]any) { body["tags"].(map[string]any)["theirs"] = "kept" })
			}}
			a := apply.Applier{ARM: m, Progress: &quiet{}}
			if err := a.Run(t.Context(), ha(t, s), &plan.Known{}); err != nil {
				t.Fatal(err)
			}
			tags := s.Get(id(s))["tags"].(map[string]any)
			if tags["theirs"] != "kept" || tags["owner"] != "network-team" {
				t.Errorf("tags %v", tags)
			}
			if q := mustRun(t, s, ha(t, s)); q.changes() != nil {
				t.Errorf("left to do: %q", q.changes())
			}
		})
	}
}

// D11: a run that Azure throttles goes on by itself; one that it refuses, or that
// loses an answer or an operation, ends with its step, and the same command goes on
// from there to what an undisturbed one ends in.
func TestHAThroughAzuresFaults(t *testing.T) {
	undisturbed := sitetest.New(t, true)
	mustRun(t, undisturbed, ha(t, undisturbed))
	want := undisturbed.Store()
	for _, c := range []struct {
		name  string
		fault store.Fault
		fails string // the step that the run ends at; "": it doesn't
	}{
		{"throttled", store.Fault{Kind: store.FaultThrottle, Method: "PUT", Path: "-lan", Count: 2, RetryAfter: store.Span(1e6)}, ""},
		{"busy", store.Fault{Kind: store.FaultError, Method: "PUT", Path: "routeTables", Count: 2, Code: "AnotherOperationInProgress", Status: 409}, ""},
		{"denied", store.Fault{Kind: store.FaultError, Method: "PUT", Path: "routeTables", Count: 1, Code: "AuthorizationFailed", Status: 403, Message: "The client 'x' with object id 'y' does not have authorization to perform action 'Microsoft.Network/routeTables/write' over scope '/z' or the scope is invalid."}, "routes-routes-work"},
		{"failed in Azure", store.Fault{Kind: store.FaultFail, Method: "PUT", Path: "vsocket-primary-lan?", Count: 1, Code: "InternalServerError"}, "floating-ip"},
		{"failed extension", store.Fault{Kind: store.FaultFail, Method: "PUT", Path: "vsocket-secondary/extensions", Count: 1, Code: "VMExtensionProvisioningError"}, "settings-secondary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := sitetest.New(t, true)
			c.fault.Client = "*"
			if _, err := s.Server.Inject(c.fault); err != nil {
				t.Fatal(err)
			}
			_, err := run(t, s, ha(t, s), "")
			var at *apply.StepError
			switch {
			case c.fails == "" && err != nil:
				t.Fatal(err)
			case c.fails != "" && (!errors.As(err, &at) || at.Step.Name != c.fails):
				t.Fatalf("ended with %v, want a failure at %s", err, c.fails)
			}
			mustRun(t, s, ha(t, s))
			if diff := sitetest.Compare(want, s.Store()); diff != nil && c.name != "failed extension" { // which is run again by another forceUpdateTag
				t.Errorf("in the end: %s", diff)
			}
			if state := document.Document(s.Get(s.LANNIC(site.Primary))).Text("properties", "provisioningState"); state != "Succeeded" {
				t.Errorf("the NIC is in state %q", state)
			}
			if q := mustRun(t, s, ha(t, s)); q.changes() != nil {
				t.Errorf("left to do: %q", q.changes())
			}
		})
	}
}

// R14, D9: the new address is there before the routes lead to it, and the former
// one goes after. The vSockets' part is played.
func TestSetFIPKeepsTheOrder(t *testing.T) {
	s := sitetest.New(t, true)
	mustRun(t, s, ha(t, s))
	f := facts(t, s)
	to := sitetest.FloatingIP.Next()
	q := &order{site: s}
	a := apply.Applier{ARM: clientOf(t, s), Progress: q}
	steps := plan.SetFIP(wanted(), f, to)
	for _, step := range steps {
		if step.Act != nil && step.Act.For > 0 {
			step.Act.For = 1 // TestAnActHoldsForAWhile has the rest
		}
	}
	if err := a.Run(t.Context(), steps, &plan.Known{}); err != nil {
		t.Fatal(err)
	}
	if want := "settings-secondary changed, settings-primary changed, added unchanged, routes-routes-work changed, told-secondary done, told-primary done, removed-primary unchanged, tag changed"; !inOrder(q.events, want) {
		t.Errorf("the order was %+v, want %s", q.changes(), want)
	}
	f = facts(t, s)
	f.Wanted.FloatingIP = to
	if left, err := apply.Plan(t.Context(), a.ARM, plan.SetFIP(wanted(), f, to), &plan.Known{}); err != nil || len(left) > 0 {
		t.Errorf("again: %+v, %v", left, err)
	}
	if hops := routesOf(s); hops != fmt.Sprint([]string{to.String(), to.String(), "10.102.4.77", ""}) {
		t.Errorf("routes lead to %s", hops)
	}
	nic := document.Document(s.Get(s.LANNIC(site.Primary)))
	if nic.Text("tags", plan.TagFloating) != to.String() {
		t.Errorf("tags %v", nic.Object("tags"))
	}
	before := sitetest.New(t, true).Store()
	f = facts(t, s)
	f.Wanted.FloatingIP = to
	mustRun(t, s, plan.Undo(f, plan.UndoWanted{}))
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("undone: %s", diff)
	}
}

// inOrder reports whether these steps ended so, in this order; others may come between.
func inOrder(events []apply.Event, want string) bool {
	rest := strings.Split(want, ", ")
	for _, e := range events {
		if len(rest) > 0 && e.Step.Name+" "+string(e.Outcome) == rest[0] {
			rest = rest[1:]
		}
	}
	return len(rest) == 0
}

// order plays the active vSocket: it adds the new address when its settings have
// come, and takes the former one off when it is told.
type order struct {
	quiet
	site *sitetest.Site
}

func (o *order) Step(e apply.Event) {
	o.quiet.Step(e)
	s := o.site
	to := sitetest.FloatingIP.Next().String()
	switch {
	case e.Outcome == apply.Begun && e.Step.Name == "added":
		s.Change(s.LANNIC(site.Primary), func(nic map[string]any) {
			properties := nic["properties"].(map[string]any)
			list := properties["ipConfigurations"].([]any)
			second := document.Document(list[1].(map[string]any)).Clone()
			second.Set("agents-own", "name")
			second.Set(to, "properties", "privateIPAddress")
			properties["ipConfigurations"] = append(list, map[string]any(second))
		})
	case e.Outcome == apply.Done && e.Step.Name == "told-primary":
		s.Change(s.LANNIC(site.Primary), func(nic map[string]any) {
			properties := nic["properties"].(map[string]any)
			list := properties["ipConfigurations"].([]any)
			properties["ipConfigurations"] = append(list[:1:1], list[2])
		})
	}
}

func routesOf(s *sitetest.Site) string {
	var hops []string
	for _, r := range document.Document(s.Get(s.RouteTableID())).Objects("properties", "routes") {
		hops = append(hops, r.Text("properties", "nextHopIpAddress"))
	}
	return fmt.Sprint(hops)
}
