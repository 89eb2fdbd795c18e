package arm

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// The site of a change, and the least role that it takes (docs/manager.md).
const (
	inGroup  = "/subscriptions/" + store.DefaultSubscription + "/resourceGroups/rg"
	network  = inGroup + "/providers/Microsoft.Network/virtualNetworks/vnet"
	security = inGroup + "/providers/Microsoft.Network/networkSecurityGroups/lan"
	work     = inGroup + "/providers/Microsoft.Network/routeTables/work"
	who      = "11111111-0000-4000-8000-000000000001"
	leastOf  = `"Microsoft.Network/networkInterfaces/read","Microsoft.Network/networkInterfaces/write",` +
		`"Microsoft.Network/virtualNetworks/subnets/join/action","Microsoft.Network/networkSecurityGroups/join/action"`
	routesOf = `,"Microsoft.Network/virtualNetworks/read","Microsoft.Network/routeTables/read","Microsoft.Network/routeTables/routes/write"`
)

// stage is a machine, ARM's client and the emulator's store, which have one clock.
type stage struct {
	*testing.T
	mu      sync.Mutex
	now     time.Duration
	store   *store.Store
	client  *Client
	machine *steer.Machine
	answers chan steer.Response
	flight  int
	steered bool
}

func newStage(t *testing.T, actions string) *stage {
	s := &stage{T: t, now: time.Hour, answers: make(chan steer.Response, 8), store: store.New(store.Options{Profile: profile.Fast})}
	rig := newRig(t, true, s.serve)
	config := rig.config
	config.NIC, config.PeerNIC = NICID(store.DefaultSubscription, "rg", "a"), NICID(store.DefaultSubscription, "rg", "b")
	config.Clock = s.clock
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.client = client
	subnet := SubnetID(store.DefaultSubscription, "rg", "vnet", "lan")
	nic := func(addr, more string) string {
		return `{"location":"westeurope","properties":{"networkSecurityGroup":{"id":"` + security + `"},"ipConfigurations":[{"name":"ipconfig1","properties":{"primary":true,"privateIPAddress":"` +
			addr + `","privateIPAllocationMethod":"Static","subnet":{"id":"` + subnet + `"}}}` + more + `]}}`
	}
	route := func(name, hop string) string {
		return `{"name":"` + name + `","novel":1.50,"properties":{"addressPrefix":"10.` + name + `.0.0/16","nextHopType":"VirtualAppliance","nextHopIpAddress":"` + hop + `"}}`
	}
	role := "/subscriptions/" + store.DefaultSubscription + "/providers/Microsoft.Authorization/roleDefinitions/22222222-0000-4000-8000-000000000001"
	for _, each := range [][2]string{
		{inGroup, `{"location":"westeurope"}`},
		{security, `{"location":"westeurope"}`},
		{work, `{"location":"westeurope","properties":{"routes":[` + route("1", "10.102.2.200") + "," + route("2", "10.9.9.9") + "," + route("3", "10.102.2.200") + `]}}`},
		{network, `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.102.0.0/16"]},"subnets":[{"name":"lan","properties":{"addressPrefix":"10.102.2.0/24"}},` +
			`{"name":"work","properties":{"addressPrefix":"10.102.4.0/24","routeTable":{"id":"` + work + `"}}}]}}`},
		{config.NIC, nic("10.102.2.10", `,{"name":"fip","properties":{"privateIPAddress":"10.102.2.200","privateIPAllocationMethod":"Static","subnet":{"id":"`+subnet+`"}}}`)},
		{config.PeerNIC, nic("10.102.2.11", "")},
		{role, `{"properties":{"roleName":"releve","assignableScopes":["/subscriptions/` + store.DefaultSubscription + `"],"permissions":[{"actions":[` + actions + `]}]}}`},
		{inGroup + "/providers/Microsoft.Authorization/roleAssignments/33333333-0000-4000-8000-000000000001",
			`{"properties":{"roleDefinitionId":"` + role + `","principalId":"` + who + `"}}`},
	} {
		if err := s.store.Place(0, each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	s.machine = steer.New(steer.Config{Side: site.Primary, FloatingIP: netip.MustParseAddr("10.102.2.200"), ConfigName: "releve-fip", SubnetID: subnet})
	return s
}

func (s *stage) clock() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	answer := s.store.Handle(s.now, store.Request{Method: r.Method, Path: r.URL.RequestURI(), IfMatch: r.Header.Get("If-Match"), Body: body,
		Principal: store.Principal{ObjectID: who, Name: "releve"}})
	s.mu.Unlock()
	for _, h := range answer.Header {
		w.Header().Add(h.Name, h.Value)
	}
	w.WriteHeader(answer.Status)
	w.Write(answer.Body)
}

// take starts the calls.
func (s *stage) take(actions []steer.Action) {
	for _, action := range actions {
		switch a := action.(type) {
		case steer.Call:
			s.flight++
			s.client.Start(a.Request, func(response steer.Response) { s.answers <- response })
		case steer.Tell:
			if told, is := a.Event.(ha.Steered); is {
				s.steered = told.Done
			}
		}
	}
}

// until lets time pass from one call to the next.
func (s *stage) until(what string, done func() bool) {
	s.Helper()
	for range 5000 {
		switch {
		case s.flight > 0:
			response := <-s.answers
			s.flight--
			s.take(s.machine.Answer(s.clock(), &response))
			continue
		case done():
			return
		}
		s.mu.Lock()
		s.now = max(s.now, s.machine.Next())
		s.mu.Unlock()
		s.take(s.machine.Tick(s.clock()))
	}
	s.Fatalf("never %s: %+v", what, s.machine.Status())
}

// get is a resource as Azure has it.
func (s *stage) get(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.store.Handle(s.now, store.Request{Method: "GET", Path: id + "?api-version=2024-05-01", Principal: store.Admin()}).Body)
}

// change begins one, of a floating IP that is steered.
func (s *stage) change() {
	s.take(s.machine.SetGoal(s.clock(), ha.Goal{Mode: ha.Hold, Claim: site.Claim{Term: 3, Holder: site.Primary}}))
	s.until("steered", func() bool { return s.steered })
	s.take(s.machine.Configure(s.clock(), netip.MustParseAddr("10.102.2.201"), steer.Change{Former: []netip.Addr{netip.MustParseAddr("10.102.2.200")}}))
}

// R14 with Azure's rules and no more than the permissions that the documentation
// names: the NIC, both entries of the table, and nothing else of either.
func TestAFloatingIPIsChangedInAzureR14(t *testing.T) {
	s := newStage(t, leastOf+routesOf)
	s.change()
	s.until("done", func() bool { return s.machine.Status().Step == steer.Done })
	nic, table := s.get(s.client.ID(steer.OwnNIC)), s.get(work)
	if strings.Contains(nic, "10.102.2.200") || !strings.Contains(nic, "10.102.2.201") || !strings.Contains(nic, security) {
		t.Errorf("the NIC: %s", nic)
	}
	if strings.Contains(table, "10.102.2.200") || strings.Count(table, "10.102.2.201") != 2 || !strings.Contains(table, "10.9.9.9") || strings.Count(table, `"novel":1.50`) != 3 {
		t.Errorf("the table: %s", table)
	}
}

// C4: what is missing is named, with the entries that a person has to change; the
// former floating IP stays.
func TestAChangeWithoutPermission(t *testing.T) {
	for missing, want := range map[string][2]string{
		"/virtualNetworks/read":     {"Microsoft.Network/virtualNetworks/read on " + network, ""},
		"/routeTables/read":         {"Microsoft.Network/routeTables/read on " + work, ""},
		"/routeTables/routes/write": {"", "Microsoft.Network/routeTables/routes/write on " + work + "/routes/1"},
	} {
		s := newStage(t, leastOf+strings.Replace(routesOf, missing, "/none", 1))
		s.change()
		end := s.now + time.Hour
		s.until("an hour later", func() bool { return s.clock() > end })
		status := s.machine.Status()
		said := [2]string{strings.Join(status.Unread, ";"), strings.Join(status.Denied, ";")}
		for i := range want {
			if !strings.Contains(said[i], want[i]) || (want[i] == "") != (said[i] == "") {
				t.Errorf("without %s: %+v", missing, status)
			}
		}
		if wantEntries := map[bool]int{true: 2}[want[1] != ""]; status.Step != steer.Routes || len(status.Entries) != wantEntries || len(status.Former) != 1 {
			t.Errorf("without %s: %+v", missing, status)
		}
	}
}
