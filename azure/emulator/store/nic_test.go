package store_test

import (
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

func config(name, addr, more string) string {
	return `{"name":"` + name + `","properties":{"privateIPAddress":"` + addr + `","privateIPAllocationMethod":"Static","subnet":{"id":"` + lan + `"}` + more + `}}`
}

func nicOf(configs ...string) string {
	return `{"location":"westeurope","properties":{"ipConfigurations":[` + strings.Join(configs, ",") + `]}}`
}

// TestRefusals is the table of errors that a NIC PUT meets (azure.md section 2).
func TestRefusals(t *testing.T) {
	primary := config("ipconfig1", "10.102.2.11", `,"primary":true`)
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"no JSON", `{`, 400, "InvalidRequestContent"},
		{"not an object", `[]`, 400, "InvalidRequestContent"},
		{"no location", `{"properties":{}}`, 400, "LocationRequired"},
		{"other location", `{"location":"northeurope","properties":{}}`, 409, "InvalidResourceLocation"},
		{"no configuration", nicOf(), 400, "InvalidIPConfigCount"},
		{"configurations no list", `{"location":"westeurope","properties":{"ipConfigurations":7}}`, 400, "InvalidRequestFormat"},
		{"held by the other", nicOf(primary, config("fip", fip, "")), 400, "PrivateIPAddressIsAllocated"},
		{"same address twice", nicOf(primary, config("x", "10.102.2.11", "")), 400, "PrivateIPAddressIsAllocated"},
		{"outside the subnet", nicOf(primary, config("x", "10.102.9.9", "")), 400, "PrivateIPAddressNotInSubnet"},
		{"network address", nicOf(primary, config("x", "10.102.2.0", "")), 400, "PrivateIPAddressInReservedRange"},
		{"fourth address", nicOf(primary, config("x", "10.102.2.3", "")), 400, "PrivateIPAddressInReservedRange"},
		{"last address", nicOf(primary, config("x", "10.102.2.255", "")), 400, "PrivateIPAddressInReservedRange"},
		{"no address", nicOf(primary, config("x", "", "")), 400, "PrivateIPAddressMissing"},
		{"not an address", nicOf(primary, config("x", "ten", "")), 400, "InvalidIPAddressFormat"},
		{"primary renamed", nicOf(config("other", "10.102.2.11", `,"primary":true`)), 400, "IpConfigDeleteNotSupported"},
		{"primary deleted", nicOf(config("x", "10.102.2.12", "")), 400, "IpConfigDeleteNotSupported"},
		{"other primary", nicOf(config("ipconfig1", "10.102.2.11", ""), config("x", "10.102.2.12", `,"primary":true`)), 400, "IpConfigDeleteNotSupported"},
		{"two primaries", nicOf(primary, config("x", "10.102.2.12", `,"primary":true`)), 400, "MultiplePrimaryIPConfigsOnNic"},
		{"no primary of two", nicOf(config("ipconfig1", "10.102.2.11", ""), config("x", "10.102.2.12", "")), 400, "NetworkInterfaceMustHaveOneOneIPConfigAsPrimary"},
		{"same name twice", nicOf(primary, config("ipconfig1", "10.102.2.12", "")), 400, "DuplicateResourceName"},
		{"no subnet", `{"location":"westeurope","properties":{"ipConfigurations":[{"name":"ipconfig1","properties":{"primary":true}}]}}`, 400, "SubnetIsRequired"},
		{"other subnet", nicOf(primary, strings.ReplaceAll(config("x", "10.102.4.9", ""), "/subnets/lan", "/subnets/work")), 400, "IPConfigurationsOnSameNicCannotUseDifferentSubnets"},
		{"unknown subnet", strings.ReplaceAll(nicOf(primary), "/subnets/lan", "/subnets/none"), 400, "InvalidResourceReference"},
		{"unknown group", `{"location":"westeurope","properties":{"networkSecurityGroup":{"id":"` + nsg + `2"},"ipConfigurations":[` + primary + `]}}`, 400, "InvalidResourceReference"},
		{"wrong kind of group", `{"location":"westeurope","properties":{"networkSecurityGroup":{"id":"` + asg + `"},"ipConfigurations":[` + primary + `]}}`, 400, "InvalidResourceReference"},
		{"tags no object", `{"location":"westeurope","tags":"x","properties":{"ipConfigurations":[` + primary + `]}}`, 400, "InvalidRequestFormat"},
		{"other name", `{"name":"else","location":"westeurope","properties":{"ipConfigurations":[` + primary + `]}}`, 400, "InvalidResourceName"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, store.Options{})
			before := b.do("GET", nicS, "", "")
			want(t, b.do("PUT", nicS, "", c.body), c.status, c.code)
			b.pass(time.Second)
			if after := b.do("GET", nicS, "", ""); string(after.Body) != string(before.Body) {
				t.Fatalf("a refused PUT changed\n%s\nto\n%s", before.Body, after.Body)
			}
			want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", "")), 200, "")
		})
	}
}

func TestAllocatedMessage(t *testing.T) {
	b := newBench(t, store.Options{})
	answer := b.do("PUT", nicS, "", nicBody("10.102.2.11", fip))
	const text = "IP configuration " + nicS + "/ipConfigurations/releve-fip is using the private IP address 10.102.2.200 which is already allocated to resource " + nicP + "/ipConfigurations/releve-fip."
	if got := tree.Text(b.object(answer), "error", "message"); got != text {
		t.Fatalf("got %q", got)
	}
}

// TestReset: what can be written and is left out is reset.
func TestReset(t *testing.T) {
	b := newBench(t, store.Options{})
	want(t, b.do("PUT", nicP, "", nicOf(config("ipconfig1", "10.102.2.10", `,"primary":true`))), 200, "")
	o := b.object(b.do("GET", nicP, "", ""))
	for _, gone := range [][]string{{"tags"}, {"fromTheFuture"}, {"properties", "networkSecurityGroup"}, {"properties", "future"}} {
		if tree.Get(o, gone...) != nil {
			t.Errorf("%v is still there", gone)
		}
	}
	if tree.Bool(o, "properties", "enableAcceleratedNetworking") || tree.Bool(o, "properties", "enableIPForwarding") || len(tree.Texts(o, "properties", "dnsSettings", "dnsServers")) > 0 {
		t.Errorf("not reset: %v", o)
	}
}

// TestReadOnly: what is derived can't be written.
func TestReadOnly(t *testing.T) {
	b := newBench(t, store.Options{})
	before := b.object(b.do("GET", nicP, "", ""))
	forged := strings.Replace(nicBody("10.102.2.10", fip), `"enableIPForwarding"`,
		`"macAddress":"00-00-00-00-00-01","resourceGuid":"x","provisioningState":"Failed","primary":false,"virtualMachine":{"id":"/x"},"enableIPForwarding"`, 1)
	want(t, b.do("PUT", nicP, "", forged), 200, "")
	b.pass(time.Second)
	after := b.object(b.do("GET", nicP, "", ""))
	for _, name := range []string{"macAddress", "resourceGuid", "provisioningState", "primary"} {
		if tree.Text(before, "properties", name) != tree.Text(after, "properties", name) {
			t.Errorf("%s became %s", name, tree.Text(after, "properties", name))
		}
	}
	if tree.Text(after, "properties", "virtualMachine", "id") != vmP {
		t.Error("virtualMachine was written")
	}
}

// TestIfMatch: ARM is the arbiter (B9): the second of two writers gets the
// documented 412.
func TestIfMatch(t *testing.T) {
	b := newBench(t, store.Options{})
	etag := b.do("GET", nicP, "", "").ETag
	want(t, b.do("PUT", nicP, etag, nicBody("10.102.2.10", fip)), 200, "")
	answer := b.do("PUT", nicP, etag, nicBody("10.102.2.10", ""))
	want(t, answer, 412, "PreconditionFailed")
	details := tree.Objects(b.object(answer), "error", "details")
	now := b.do("GET", nicP, "", "").ETag
	text := "Etag provided in if-match header " + etag + " does not match etag " + now + " of resource " + nicP + "."
	if len(details) != 1 || tree.Text(details[0], "code") != "PreconditionFailedEtagMismatch" || tree.Text(details[0], "message") != text {
		t.Fatalf("details %v", details)
	}
	want(t, b.do("PUT", nicP, "*", nicBody("10.102.2.10", fip)), 200, "")
	want(t, b.do("PUT", site+"/providers/Microsoft.Network/networkInterfaces/none", "*", nicOf(config("x", "10.102.2.77", ""))), 412, "PreconditionFailed")
}

// TestPathsFoldCase: ids are the same in any case of letters; the creator's is shown.
func TestPathsFoldCase(t *testing.T) {
	b := newBench(t, store.Options{})
	answer := b.do("GET", strings.ToUpper(nicP), "", "")
	want(t, answer, 200, "")
	if id := tree.Text(b.object(answer), "id"); id != nicP {
		t.Fatalf("id %s", id)
	}
}

// TestSupersede: a PUT during another one ends that Canceled, and its data
// plane is what happens.
func TestSupersede(t *testing.T) {
	b := newBench(t, store.Options{Profile: profile.Classic})
	first := b.do("PUT", nicP, "", nicBody("10.102.2.10", ""))
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", fip)), 200, "")
	status := b.object(b.do("GET", strings.TrimPrefix(first.Get("Azure-AsyncOperation"), "https://management.azure.com"), "", ""))
	details := tree.Objects(status, "error", "details")
	if tree.Text(status, "status") != "Canceled" || len(details) != 1 || tree.Text(details[0], "code") != "CanceledAndSupersededDueToAnotherOperation" {
		t.Fatalf("status %v", status)
	}
	for range 100 {
		b.pass(time.Second)
		if !b.holds(nicP, fip) {
			t.Fatal("the canceled write reached the data plane")
		}
	}
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 400, "PrivateIPAddressIsAllocated")
}

// TestBusyRefuses is the other behaviour: 429 with the time to wait.
func TestBusyRefuses(t *testing.T) {
	b := newBench(t, store.Options{Profile: profile.Classic, Switches: store.Switches{BusyRefuses: true}})
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", "")), 200, "")
	answer := b.do("PUT", nicP, "", nicBody("10.102.2.10", fip))
	want(t, answer, 429, "RetryableError")
	details := tree.Objects(b.object(answer), "error", "details")
	if len(details) != 1 || tree.Text(details[0], "code") != "RetryableErrorDueToAnotherOperation" || answer.Get("Retry-After") == "" ||
		!strings.Contains(tree.Text(details[0], "message"), "The call can be retried in "+answer.Get("Retry-After")+" seconds.") {
		t.Fatalf("%v %v", answer.Header, details)
	}
}

// TestCleanUp: the switch for the window after a remove.
func TestCleanUp(t *testing.T) {
	b := newBench(t, store.Options{Switches: store.Switches{CleanUp: 50 * time.Second}})
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", "")), 200, "")
	b.pass(time.Second)
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 400, "PrivateIPAddressIsBeingCleanedUp")
	b.pass(time.Minute)
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 200, "")
}

// TestSwitches of the body's state and the ETag's life.
func TestSwitches(t *testing.T) {
	b := newBench(t, store.Options{Switches: store.Switches{SucceededAtOnce: true, EtagAtEnd: true}})
	answer := b.do("PUT", nicP, "", nicBody("10.102.2.10", fip))
	if state := tree.Text(b.object(answer), "properties", "provisioningState"); state != "Succeeded" || answer.Get("Azure-AsyncOperation") == "" {
		t.Fatalf("state %s, headers %v", state, answer.Header)
	}
	if state := tree.Text(b.object(b.do("GET", nicP, "", "")), "properties", "provisioningState"); state != "Updating" {
		t.Fatalf("a GET says %s", state)
	}
	b.pass(time.Second)
	if b.do("GET", nicP, "", "").ETag == answer.ETag {
		t.Fatal("the ETag is the same after the end")
	}
}

// TestReferencedResourceNotProvisioned: a NIC can't be written while its
// security group is.
func TestReferencedResourceNotProvisioned(t *testing.T) {
	b := newBench(t, store.Options{Profile: profile.Classic})
	want(t, b.do("PUT", nsg, "", `{"location":"westeurope"}`), 200, "")
	answer := b.do("PUT", nicP, "", nicBody("10.102.2.10", fip))
	want(t, answer, 429, "RetryableError")
	if details := tree.Objects(b.object(answer), "error", "details"); tree.Text(details[0], "code") != "ReferencedResourceNotProvisioned" {
		t.Fatalf("details %v", details)
	}
	b.pass(time.Minute)
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", fip)), 200, "")
}

// TestDynamicAddress: the next free one, kept over updates.
func TestDynamicAddress(t *testing.T) {
	b := newBench(t, store.Options{})
	path := site + "/providers/Microsoft.Network/networkInterfaces/dynamic"
	body := `{"location":"westeurope","properties":{"ipConfigurations":[{"name":"c","properties":{"subnet":{"id":"` + lan + `"}}}]}}`
	want(t, b.do("PUT", path, "", body), 201, "")
	b.pass(time.Second)
	want(t, b.do("PUT", path, "", body), 200, "")
	configs := tree.Objects(b.object(b.do("GET", path, "", "")), "properties", "ipConfigurations")
	if got := tree.Text(configs[0], "properties", "privateIPAddress"); got != "10.102.2.4" {
		t.Fatalf("address %s", got)
	}
}

// TestDelete: a NIC on a VM stays; a free one goes, and its address with it.
func TestDelete(t *testing.T) {
	b := newBench(t, store.Options{})
	want(t, b.do("DELETE", nicP, "", ""), 400, "NicInUse")
	path := site + "/providers/Microsoft.Network/networkInterfaces/spare"
	want(t, b.do("PUT", path, "", nicOf(config("c", "10.102.2.50", ""))), 201, "")
	b.pass(time.Second)
	answer := b.do("DELETE", path, "", "")
	want(t, answer, 202, "")
	if answer.Get("Location") == "" {
		t.Fatal("no Location")
	}
	b.pass(time.Second)
	want(t, b.do("GET", path, "", ""), 404, "ResourceNotFound")
	want(t, b.do("DELETE", path, "", ""), 204, "")
	want(t, b.do("PUT", path, "", nicOf(config("c", "10.102.2.50", ""))), 201, "")
}

// TestFailedOperation: an operation that ends Failed leaves the data plane
// and the allocation as they were.
func TestFailedOperation(t *testing.T) {
	b := newBench(t, store.Options{})
	if _, err := b.s.Inject(b.now, store.Fault{Kind: store.FaultFail, Code: "AnotherOperationInProgress", Client: "*", Count: 1}); err != nil {
		t.Fatal(err)
	}
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", "")), 200, "")
	b.pass(time.Second)
	if !b.holds(nicP, fip) {
		t.Fatal("a failed operation reached the data plane")
	}
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 400, "PrivateIPAddressIsAllocated")
	ops := b.s.Operations()
	if last := ops[len(ops)-1]; last.Status != "Failed" || last.Code != "AnotherOperationInProgress" || last.Applied != 0 {
		t.Fatalf("operation %+v", last)
	}
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", "")), 200, "")
	b.pass(time.Second)
	want(t, b.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 200, "")
}
