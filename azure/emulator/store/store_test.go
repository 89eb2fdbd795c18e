package store_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

const (
	sub     = "/subscriptions/" + store.DefaultSubscription
	site    = sub + "/resourceGroups/rg-site"
	network = sub + "/resourceGroups/rg-network"
	lan     = network + "/providers/Microsoft.Network/virtualNetworks/vnet/subnets/lan"
	nicP    = site + "/providers/Microsoft.Network/networkInterfaces/primary-lan"
	nicS    = site + "/providers/Microsoft.Network/networkInterfaces/secondary-lan"
	nsg     = site + "/providers/Microsoft.Network/networkSecurityGroups/lan-nsg"
	asg     = site + "/providers/Microsoft.Network/applicationSecurityGroups/edges"
	vmP     = site + "/providers/Microsoft.Compute/virtualMachines/primary"
	vmS     = site + "/providers/Microsoft.Compute/virtualMachines/secondary"
	ident   = site + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/releve"
	fip     = "10.102.2.200"
)

// bench drives a store under a clock of its own.
type bench struct {
	t   testing.TB
	s   *store.Store
	now time.Duration
}

func newBench(t testing.TB, opt store.Options) *bench {
	b := &bench{t: t, s: store.New(opt)}
	for _, each := range [][2]string{
		{site, `{"location":"westeurope"}`},
		{network, `{"location":"westeurope"}`},
		{nsg, `{"location":"westeurope","properties":{"securityRules":[{"name":"all","properties":{"priority":100,"direction":"Inbound","access":"Allow","protocol":"*","sourceAddressPrefix":"*","sourcePortRange":"*","destinationAddressPrefix":"*","destinationPortRange":"*"}}]}}`},
		{asg, `{"location":"westeurope"}`},
		{network + "/providers/Microsoft.Network/virtualNetworks/vnet", `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.102.0.0/16"]},"subnets":[{"name":"lan","properties":{"addressPrefix":"10.102.2.0/24"}},{"name":"work","properties":{"addressPrefix":"10.102.4.0/24"}}]}}`},
		{nicP, nicBody("10.102.2.10", fip)},
		{nicS, nicBody("10.102.2.11", "")},
		{ident, `{"location":"westeurope"}`},
		{vmP, vmBody(nicP)},
		{vmS, vmBody(nicS)},
	} {
		if err := b.s.Place(0, each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func vmBody(nic string) string {
	return `{"location":"westeurope","identity":{"type":"UserAssigned","userAssignedIdentities":{"` + ident + `":{}}},"properties":{"networkProfile":{"networkInterfaces":[{"id":"` + nic + `"}]}}}`
}

// nicBody is a LAN NIC with all that a failover must not lose (B5).
func nicBody(own, floating string) string {
	extra := ""
	if floating != "" {
		extra = `,{"name":"releve-fip","properties":{"privateIPAddress":"` + floating + `","privateIPAllocationMethod":"Static","subnet":{"id":"` + lan + `"}}}`
	}
	return `{"location":"westeurope","tags":{"owner":"ops"},"fromTheFuture":{"a":[1,2]},
	"properties":{"enableIPForwarding":true,"enableAcceleratedNetworking":true,"future":{"deep":1.50},
	"networkSecurityGroup":{"id":"` + nsg + `"},"dnsSettings":{"dnsServers":["10.9.9.9"]},
	"ipConfigurations":[{"name":"ipconfig1","novel":true,"properties":{"privateIPAddress":"` + own + `","privateIPAllocationMethod":"Static","novelInside":"x","primary":true,"subnet":{"id":"` + lan + `"},"applicationSecurityGroups":[{"id":"` + asg + `"}]}}` + extra + `]}}`
}

func (b *bench) do(method, path, ifMatch, body string) store.Response {
	return b.as(store.Admin(), method, path, ifMatch, body)
}

func (b *bench) as(p store.Principal, method, path, ifMatch, body string) store.Response {
	if !strings.Contains(path, "?") {
		path += "?api-version=2024-05-01"
	}
	return b.s.Handle(b.now, store.Request{Method: method, Path: path, IfMatch: ifMatch, Body: []byte(body), Principal: p})
}

func (b *bench) pass(d time.Duration) {
	b.now += d
	b.s.Advance(b.now)
}

func (b *bench) object(r store.Response) tree.Object {
	b.t.Helper()
	o, err := tree.Parse(r.Body)
	if err != nil {
		b.t.Fatalf("body %q: %v", r.Body, err)
	}
	return o
}

func (b *bench) holds(nic, addr string) bool {
	for _, n := range b.s.Plane().NICs {
		if n.ID == strings.ToLower(nic) {
			return slices.Contains(n.Addrs, netip.MustParseAddr(addr))
		}
	}
	b.t.Fatalf("no NIC %s in the plane", nic)
	return false
}

func want(t testing.TB, r store.Response, status int, code string) {
	t.Helper()
	if r.Status != status || r.Code != code {
		t.Fatalf("got %d %s %s, want %d %s", r.Status, r.Code, r.Body, status, code)
	}
}

// TestNICRoundTripLosesNothing is B5's ground: a raw GET and an unchanged PUT
// change only what is derived.
func TestNICRoundTripLosesNothing(t *testing.T) {
	b := newBench(t, store.Options{})
	before := b.do("GET", nicP, "", "")
	want(t, before, 200, "")
	put := b.do("PUT", nicP, before.ETag, string(before.Body))
	want(t, put, 200, "")
	b.pass(time.Second)
	after := b.do("GET", nicP, "", "")
	if after.ETag == before.ETag {
		t.Fatal("the ETag did not change")
	}
	got := strings.ReplaceAll(string(after.Body), jsonText(after.ETag), jsonText(before.ETag))
	if got != string(before.Body) {
		t.Fatalf("before %s\nafter  %s", before.Body, got)
	}
	for _, part := range []string{`"fromTheFuture":{"a":[1,2]}`, `"future":{"deep":1.50}`, `"novel":true`, `"novelInside":"x"`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is lost in %s", part, got)
		}
	}
}

func jsonText(s string) string { b, _ := json.Marshal(s); return string(b) }

// TestMove is B2 as Azure does it: remove, then add, with the address
// allocated until the remove is done.
func TestMove(t *testing.T) {
	b := newBench(t, store.Options{Profile: profile.Classic, Seed: 7})
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 400, "PrivateIPAddressIsAllocated")
	put := b.do("PUT", nicP, "", nicBody("10.102.2.10", ""))
	want(t, put, 200, "")
	if state := tree.Text(b.object(put), "properties", "provisioningState"); state != "Updating" {
		t.Fatalf("provisioningState %s", state)
	}
	poll := put.Get("Azure-AsyncOperation")
	path := strings.TrimPrefix(poll, "https://management.azure.com")
	for tree.Text(b.object(b.do("GET", path, "", "")), "status") != "Succeeded" {
		if b.now > 2*time.Minute {
			t.Fatal("the remove never ended")
		}
		want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 400, "PrivateIPAddressIsAllocated")
		b.pass(time.Second)
	}
	if b.holds(nicP, fip) {
		t.Fatal("the data plane still delivers to the old NIC after the end")
	}
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 200, "")
	if b.holds(nicS, fip) {
		t.Fatal("the data plane was at once")
	}
	b.pass(2 * time.Minute)
	if !b.holds(nicS, fip) {
		t.Fatal("the data plane never followed")
	}
}
