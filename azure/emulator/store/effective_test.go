package store_test

import (
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

// looked follows a POST that shows something to its end.
func (b *bench) looked(path string) []tree.Object {
	b.t.Helper()
	post := b.do("POST", path, "", "")
	want(b.t, post, 202, "")
	location := strings.TrimPrefix(post.Get("Location"), "https://management.azure.com")
	want(b.t, b.do("GET", location, "", ""), 202, "")
	b.pass(time.Minute)
	answer := b.do("GET", location, "", "")
	want(b.t, answer, 200, "")
	return tree.Objects(b.object(answer), "value")
}

// TestEffective: what holds at a NIC of a running VM.
func TestEffective(t *testing.T) {
	b := newBench(t, store.Options{})
	table := network + "/providers/Microsoft.Network/routeTables/lan"
	vnet := network + "/providers/Microsoft.Network/virtualNetworks/vnet"
	for path, body := range map[string]string{
		table: `{"location":"westeurope","properties":{"routes":[{"name":"out","properties":{"addressPrefix":"0.0.0.0/0","nextHopType":"VirtualAppliance","nextHopIpAddress":"10.102.2.200"}}]}}`,
	} {
		if err := b.s.Place(0, path, body); err != nil {
			t.Fatal(err)
		}
	}
	body := strings.Replace(string(b.do("GET", vnet, "", "").Body), `"addressPrefix":"10.102.2.0/24"`,
		`"addressPrefix":"10.102.2.0/24","routeTable":{"id":"`+table+`"},"networkSecurityGroup":{"id":"`+nsg+`"}`, 1)
	want(t, b.do("PUT", vnet, "", body), 200, "")
	b.pass(time.Minute)
	routes := b.looked(nicP + "/effectiveRouteTable")
	states := map[string]string{}
	for _, r := range routes {
		states[tree.Text(r, "source")+" "+tree.Texts(r, "addressPrefix")[0]] = tree.Text(r, "state") + " " + tree.Text(r, "nextHopType")
	}
	for route, state := range map[string]string{"User 0.0.0.0/0": "Active VirtualAppliance", "Default 0.0.0.0/0": "Invalid Internet", "Default 10.102.0.0/16": "Active VnetLocal"} {
		if states[route] != state {
			t.Errorf("%s: %q, want %q", route, states[route], state)
		}
	}
	groups := b.looked(nicP + "/effectiveNetworkSecurityGroups")
	if len(groups) != 2 || tree.Text(groups[0], "association", "subnet", "id") != lan || tree.Text(groups[1], "association", "networkInterface", "id") != nicP {
		t.Fatalf("groups %v", groups)
	}
	if rules := tree.Objects(groups[0], "effectiveSecurityRules"); len(rules) != 7 || tree.Text(rules[0], "name") != "securityRules/all" {
		t.Fatalf("rules %v", rules)
	}
	b.s.SetPower(vmP, store.PowerDeallocated)
	want(t, b.do("POST", nicP+"/effectiveRouteTable", "", ""), 400, "NetworkInterfaceNotAttachedToRunningVirtualMachine")
}

// TestAddressAvailability: free, taken, reserved and foreign addresses (E-rows).
func TestAddressAvailability(t *testing.T) {
	b := newBench(t, store.Options{})
	vnet := network + "/providers/Microsoft.Network/virtualNetworks/vnet"
	for addr, available := range map[string]string{"10.102.2.50": "true", fip: "false", "10.102.2.2": "false"} {
		o := b.object(b.do("GET", vnet+"/CheckIPAddressAvailability?ipAddress="+addr+"&api-version=2024-05-01", "", ""))
		if got := tree.Text(o, "available"); got != available {
			t.Errorf("%s: %v", addr, o)
		}
	}
	want(t, b.do("GET", vnet+"/CheckIPAddressAvailability?ipAddress=10.9.9.9&api-version=2024-05-01", "", ""), 400, "PrivateIPAddressNotInAnySubnet")
}
