package azuresite_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
)

func place(t *testing.T, zones bool) (azuresite.Layout, *store.Store) {
	t.Helper()
	s := store.New(store.Options{})
	l := azuresite.Layout{Subscription: s.Subscription(), Zones: zones}
	for _, r := range l.Resources() {
		if err := s.Place(0, r.ID, r.Body); err != nil {
			t.Fatal(err)
		}
	}
	identities, ok := s.Identities(l.VMID(azuresite.VM(site.Primary)))
	if !ok || len(identities) != 1 {
		t.Fatalf("identities of the primary: %v, %v", identities, ok)
	}
	for _, r := range l.Roles(identities[0].PrincipalID) {
		if err := s.Place(0, r.ID, r.Body); err != nil {
			t.Fatal(err)
		}
	}
	return l, s
}

// The emulated Azure takes the whole site, as one in two zones too (A5, A6, A7).
func TestAzureTakesTheSite(t *testing.T) {
	for _, zones := range []bool{false, true} {
		l, s := place(t, zones)
		p := s.Plane()
		if len(p.NICs) != 7 {
			t.Errorf("%d NICs in the data plane, want 7", len(p.NICs))
		}
		lan := nicOf(t, p, l.LANNIC(site.Primary))
		if !slices.Contains(lan.Addrs, azuresite.FloatingIP) || !lan.Forwarding {
			t.Errorf("primary's LAN NIC has %v, forwarding %v; want the floating IP and forwarding", lan.Addrs, lan.Forwarding)
		}
		wan := nicOf(t, p, l.NICID(azuresite.VM(site.Primary), azuresite.WAN))
		if len(wan.Public) != 1 {
			t.Errorf("primary's WAN NIC has public addresses %v, want one", wan.Public)
		}
		vm1 := nicOf(t, p, l.NICID(azuresite.VM1, azuresite.Work))
		for _, to := range []string{"203.0.113.10", "10.103.2.10"} {
			hop := slices.IndexFunc(vm1.Routes, func(r plane.Route) bool { return r.Prefix.Contains(netip.MustParseAddr(to)) })
			if hop < 0 || vm1.Routes[hop].Via != azuresite.FloatingIP {
				t.Errorf("vm1's routes %v, want the floating IP as next hop to %s", vm1.Routes, to)
			}
		}
	}
}

// D12: the role suffices for a whole-NIC PUT, and without it Azure refuses.
func TestTheRoleSuffices(t *testing.T) {
	l, s := place(t, false)
	identities, _ := s.Identities(l.VMID(azuresite.VM(site.Primary)))
	me := store.Principal{ObjectID: identities[0].PrincipalID, ClientID: identities[0].ClientID, Name: "primary"}
	nic := l.LANNIC(site.Secondary) + "?api-version=2024-05-01"
	ask := func(method string, body []byte) store.Response {
		return s.Handle(time.Second, store.Request{Method: method, Path: nic, Principal: me, Body: body})
	}
	got := ask("GET", nil)
	if got.Status != 200 {
		t.Fatalf("GET %d %s", got.Status, got.Body)
	}
	if put := ask("PUT", got.Body); put.Status != 200 {
		t.Fatalf("PUT %d %s", put.Status, put.Body)
	}
	for _, id := range l.Assignments() {
		path := id + "?api-version=2022-04-01"
		if r := s.Handle(time.Second, store.Request{Method: "DELETE", Path: path, Principal: store.Admin()}); r.Status >= 300 {
			t.Fatalf("DELETE %s: %d %s", path, r.Status, r.Body)
		}
	}
	if got := ask("GET", nil); got.Code != "AuthorizationFailed" {
		t.Errorf("without the role: %d %s", got.Status, got.Body)
	}
}

// D10: who is Owner of the two groups may do all in them, and nothing elsewhere.
func TestOwnersOfTheGroupsAloneAreOwners(t *testing.T) {
	l, s := place(t, false)
	me := store.Principal{ObjectID: "00000000-0000-4000-8000-0000000000e2", Name: "administrator"}
	s.AddPrincipal(me.ObjectID)
	for _, r := range l.Owners(me.ObjectID) {
		if err := s.Place(0, r.ID, r.Body); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(path string) store.Response {
		return s.Handle(time.Second, store.Request{Method: "GET", Path: path, Principal: me})
	}
	vnet := "/subscriptions/" + l.Subscription + "/resourceGroups/" + azuresite.NetworkGroup + "/providers/Microsoft.Network/virtualNetworks/" + azuresite.VNet
	for _, id := range []string{l.LANNIC(site.Primary) + "?api-version=2024-05-01", vnet + "?api-version=2024-05-01"} {
		if got := ask(id); got.Status != 200 {
			t.Errorf("GET %s: %d %s", id, got.Status, got.Body)
		}
	}
	for _, path := range []string{"/providers/Microsoft.Compute/skus?api-version=2021-07-01", "/resourceGroups/rg-other?api-version=2022-09-01"} {
		if got := ask("/subscriptions/" + l.Subscription + path); got.Code != "AuthorizationFailed" {
			t.Errorf("GET %s: %d %s", path, got.Status, got.Body)
		}
	}
}

// B5: the check holds against what Azure itself answers.
func TestAnUnchangedPutIsNoDifference(t *testing.T) {
	l, s := place(t, false)
	nic := l.LANNIC(site.Primary) + "?api-version=2024-05-01"
	read := func() []byte {
		return s.Handle(time.Hour, store.Request{Method: "GET", Path: nic, Principal: store.Admin()}).Body
	}
	before := read()
	s.Handle(time.Hour, store.Request{Method: "PUT", Path: nic, Principal: store.Admin(), Body: before})
	if diff, err := azuresite.Differences(before, read()); err != nil || diff != nil {
		t.Errorf("differences %v, %v", diff, err)
	}
	careless := strings.Replace(string(before), `"enableAcceleratedNetworking":true`, `"enableAcceleratedNetworking":false`, 1)
	s.Handle(2*time.Hour, store.Request{Method: "PUT", Path: nic, Principal: store.Admin(), Body: []byte(careless)})
	if diff, _ := azuresite.Differences(before, read()); len(diff) != 1 {
		t.Errorf("differences %v, want the one that was made", diff)
	}
}

func nicOf(t *testing.T, p *plane.Plane, id string) plane.NIC {
	t.Helper()
	for _, n := range p.NICs {
		if n.ID == azuresite.PlaneID(id) {
			return n
		}
	}
	t.Fatalf("no NIC %s in the data plane", id)
	return plane.NIC{}
}
