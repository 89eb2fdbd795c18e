package store_test

import (
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

const (
	set    = site + "/providers/Microsoft.Compute/availabilitySets/set"
	pip    = site + "/providers/Microsoft.Network/publicIPAddresses/pip"
	inSet  = `"properties":{"availabilitySet":{"id":"` + set + `"},`
	setOf2 = `{"location":"westeurope","sku":{"name":"Aligned"},"properties":{"platformFaultDomainCount":2,"platformUpdateDomainCount":2}}`
)

// TestAvailability: zone or set, and for good (A5, D2).
func TestAvailability(t *testing.T) {
	b := newMachines(t, store.Options{})
	put := func(body string) store.Response {
		t.Helper()
		answer := b.do("PUT", guest, "", body)
		b.pass(time.Minute)
		return answer
	}
	withSet := strings.Replace(machineBody(""), `"properties":{`, inSet, 1)
	want(t, put(withSet), 404, "ResourceNotFound")
	want(t, b.do("PUT", set, "", strings.Replace(setOf2, "Aligned", "Classic", 1)), 201, "")
	want(t, put(withSet), 409, "OperationNotAllowed")
	want(t, b.do("DELETE", set, "", ""), 200, "")
	want(t, b.do("PUT", set, "", strings.Replace(setOf2, `"platformFaultDomainCount":2`, `"platformFaultDomainCount":4`, 1)), 400, "InvalidParameter")
	want(t, b.do("PUT", set, "", setOf2), 201, "")
	want(t, b.do("PUT", set, "", strings.Replace(setOf2, `"platformUpdateDomainCount":2`, `"platformUpdateDomainCount":5`, 1)), 409, "PropertyChangeNotAllowed")
	both := put(strings.Replace(withSet, `"location"`, `"zones":["1"],"location"`, 1))
	want(t, both, 400, "BadRequest")
	if !strings.Contains(string(both.Body), "both Availability Zone and Availability Set were specified") {
		t.Fatalf("message %s", both.Body)
	}
	want(t, put(machineBody(`"zones":["4"],`)), 400, "AvailabilityZoneNotSupported")
	want(t, put(machineBody("")), 201, "")
	want(t, put(withSet), 409, "PropertyChangeNotAllowed")
	want(t, put(machineBody(`"zones":["1"],`)), 409, "ResourceAvailabilityZonesCannotBeModified")
	want(t, b.do("DELETE", guest, "", ""), 202, "")
	b.pass(time.Minute)
	if err := b.s.Place(b.now, nicG, nicBody("10.102.2.20", "")); err != nil {
		t.Fatal(err)
	}
	want(t, put(withSet), 201, "")
	want(t, b.do("DELETE", set, "", ""), 409, "OperationNotAllowed")
	if members := tree.Objects(b.object(b.do("GET", set, "", "")), "properties", "virtualMachines"); len(members) != 1 {
		t.Fatalf("members %v", members)
	}
}

// TestPublicZones: zones take Standard addresses only, in the VM's own zone (D3).
func TestPublicZones(t *testing.T) {
	b := newMachines(t, store.Options{})
	address := func(sku, zones, method string) string {
		return `{"location":"westeurope",` + zones + `"sku":{"name":"` + sku + `"},"properties":{"publicIPAllocationMethod":"` + method + `"}}`
	}
	want(t, b.do("PUT", pip, "", address("Basic", `"zones":["1"],`, "Static")), 400, "ZonesNotAllowedInBasicSkuResource")
	want(t, b.do("PUT", pip, "", address("Standard", "", "Dynamic")), 400, "StandardSkuPublicIPAddressesMustBeStatic")
	attach := func() {
		t.Helper()
		body := strings.Replace(nicBody("10.102.2.20", ""), `"subnet":`, `"publicIPAddress":{"id":"`+pip+`"},"subnet":`, 1)
		want(t, b.do("PUT", nicG, "", body), 200, "")
		b.pass(time.Minute)
	}
	const mismatch = "ComputeResourceZoneConstraintDoesNotMatchPublicIPAddressZoneConstraint"
	for _, c := range []struct{ sku, zones, code string }{
		{"Basic", "", mismatch}, {"Standard", `"zones":["2"],`, mismatch}, {"Standard", `"zones":["1","2","3"],`, ""},
	} {
		want(t, b.do("PUT", pip, "", address(c.sku, c.zones, "Static")), 201, "")
		b.pass(time.Minute)
		attach()
		status := 400
		if c.code == "" {
			status = 201
		}
		want(t, b.do("PUT", guest, "", machineBody(`"zones":["1"],`)), status, c.code)
		b.pass(time.Minute)
		if c.code == "" {
			break
		}
		want(t, b.do("PUT", nicG, "", nicBody("10.102.2.20", "")), 200, "")
		b.pass(time.Minute)
		want(t, b.do("DELETE", pip, "", ""), 202, "")
		b.pass(time.Minute)
	}
	want(t, b.do("PUT", pip, "", address("Standard", `"zones":["1"],`, "Static")), 400, "ResourceAvailabilityZonesCannotBeModified")
}

// TestDynamicPublicAddress: it is lost when its VM is deallocated, the private
// ones are not.
func TestDynamicPublicAddress(t *testing.T) {
	b := newBench(t, store.Options{})
	want(t, b.do("PUT", pip, "", `{"location":"westeurope","properties":{"publicIPAllocationMethod":"Dynamic"}}`), 201, "")
	b.pass(time.Minute)
	body := strings.Replace(nicBody("10.102.2.10", fip), `"subnet":`, `"publicIPAddress":{"id":"`+pip+`"},"subnet":`, 1)
	want(t, b.do("PUT", nicP, "", body), 200, "")
	b.pass(time.Minute)
	want(t, b.do("POST", vmP+"/deallocate", "", ""), 202, "")
	b.pass(time.Minute)
	if got := b.text(pip, "properties", "ipAddress"); got != "" || !b.holds(nicP, "10.102.2.10") {
		t.Fatalf("deallocated, and %q is there", got)
	}
	want(t, b.do("POST", vmP+"/start", "", ""), 202, "")
	b.pass(time.Minute)
	if b.text(pip, "properties", "ipAddress") == "" {
		t.Fatal("no address after the start")
	}
}

// TestMachineRefusals: what Azure refuses of a VM with an image, each by its code.
func TestMachineRefusals(t *testing.T) {
	b := newMachines(t, store.Options{Switches: store.Switches{Cores: 10}})
	for _, c := range []struct {
		old, new string
		status   int
		code     string
	}{
		{"Standard_D8s_v5", "Standard_D9s_v5", 400, "InvalidParameter"},
		{image, image + "x", 404, "NotFound"},
		{`"id":"` + image + `"`, `"publisher":"Debian","offer":"debian-13","sku":"13","version":"latest"`, 404, "PlatformImageNotFound"},
		{`"adminUsername":"ops"`, `"adminUsername":"root"`, 400, "InvalidParameter"},
		{`"adminPassword":"not shown 1",`, ``, 400, "InvalidParameter"},
		{`"customData":"`, `"customData":"!`, 400, "InvalidParameter"},
		{`"computerName":"guest"`, `"computerName":"the guest"`, 400, "InvalidParameter"},
		{"Standard_D8s_v5", "Standard_D8ls_v5", 409, "SkuNotAvailable"},
	} {
		body := strings.Replace(machineBody(`"zones":["3"],`), c.old, c.new, 1)
		if body == machineBody(`"zones":["3"],`) {
			t.Fatalf("%q isn't in the body", c.old)
		}
		answer := b.do("PUT", guest, "", body)
		if answer.Status != c.status || answer.Code != c.code {
			t.Errorf("%s → %s: %d %s, want %d %s", c.old, c.new, answer.Status, answer.Body, c.status, c.code)
		}
	}
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.s.SetSwitches(store.Switches{Cores: 7})
	want(t, b.do("PUT", guest, "", machineBody("")), 409, "OperationNotAllowed")
}

// TestImages: an image is made of a blob that is there, in the same region.
func TestImages(t *testing.T) {
	b := newMachines(t, store.Options{})
	body := func(location, uri string) string {
		return `{"location":"` + location + `","properties":{"storageProfile":{"osDisk":{"osType":"Linux","osState":"Generalized","blobUri":"` + uri + `"}}}}`
	}
	other := site + "/providers/Microsoft.Compute/images/other"
	want(t, b.do("PUT", other, "", body("westeurope", "https://images.blob.core.windows.net/vhds/none.vhd")), 404, "DiskBlobNotFound")
	want(t, b.do("PUT", other, "", body("westeurope", "https://else.blob.core.windows.net/vhds/vsocket.vhd")), 400, "InvalidParameter")
	want(t, b.do("PUT", other, "", body("northeurope", "https://images.blob.core.windows.net/vhds/vsocket.vhd")), 400, "BadRequest")
	want(t, b.do("PUT", other, "", body("westeurope", "https://images.blob.core.windows.net/vhds/vsocket.vhd")), 201, "")
	containers := b.object(b.do("GET", account+"/blobServices/default/containers", "", ""))
	if list := tree.Objects(containers, "value"); len(list) != 1 || tree.Text(list[0], "name") != "vhds" {
		t.Fatalf("containers %v", containers)
	}
	if is, found := b.s.Blob("images", "vhds", "vsocket.vhd"); !found || is.Length != "1024" || is.Type != "PageBlob" {
		t.Fatalf("blob %+v: %t", is, found)
	}
	skus := b.object(b.do("GET", sub+"/providers/Microsoft.Compute/skus?$filter=location%20eq%20'westeurope'&api-version=2021-07-01", "", ""))
	if n := len(tree.Objects(skus, "value")); n < 10 {
		t.Fatalf("%d sizes", n)
	}
}

// TestPatchVM: an identity is added and taken off without touching the rest.
func TestPatchVM(t *testing.T) {
	b := newBench(t, store.Options{})
	other := site + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other"
	want(t, b.do("PUT", other, "", `{"location":"westeurope"}`), 201, "")
	want(t, b.do("PATCH", vmP, "", `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+other+`":{}}}}`), 200, "")
	b.pass(time.Minute)
	if list, _ := b.s.Identities(vmP); len(list) != 2 {
		t.Fatalf("identities %v", list)
	}
	want(t, b.do("PATCH", vmP, "", `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+other+`":null}}}`), 200, "")
	b.pass(time.Minute)
	if list, _ := b.s.Identities(vmP); len(list) != 1 || list[0].ID != ident {
		t.Fatalf("identities %v", list)
	}
	want(t, b.do("PATCH", vmP, "", `{"tags":{"a":"b"}}`), 200, "")
}
