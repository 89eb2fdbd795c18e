package store_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

const (
	account = site + "/providers/Microsoft.Storage/storageAccounts/images"
	image   = site + "/providers/Microsoft.Compute/images/vsocket"
	guest   = site + "/providers/Microsoft.Compute/virtualMachines/guest"
	nicG    = site + "/providers/Microsoft.Network/networkInterfaces/guest-lan"
	script  = guest + "/extensions/releve"
)

// newMachines is a bench with an image and a free NIC.
func newMachines(t testing.TB, opt store.Options) *bench {
	b := newBench(t, opt)
	for _, each := range [][2]string{
		{account, `{"location":"westeurope"}`},
		{account + "/blobServices/default/containers/vhds", `{}`},
		{account + "/blobServices/default/containers/vhds/blobs/vsocket.vhd", `{"properties":{"contentLength":1024}}`},
		{image, `{"location":"westeurope","properties":{"hyperVGeneration":"V2","storageProfile":{"osDisk":{"osType":"Linux","osState":"Generalized","blobUri":"https://images.blob.core.windows.net/vhds/vsocket.vhd"}}}}`},
		{nicG, nicBody("10.102.2.20", "")},
	} {
		if err := b.s.Place(0, each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// machineBody is a VM made of the image; more is further members of its body.
func machineBody(more string) string {
	return `{"location":"westeurope",` + more + `"properties":{"hardwareProfile":{"vmSize":"Standard_D8s_v5"},
	"storageProfile":{"imageReference":{"id":"` + image + `"},"osDisk":{"createOption":"FromImage","deleteOption":"Delete"}},
	"osProfile":{"computerName":"guest","adminUsername":"ops","adminPassword":"not shown 1","customData":"` + base64.StdEncoding.EncodeToString([]byte("#cloud-config\n")) + `"},
	"networkProfile":{"networkInterfaces":[{"id":"` + nicG + `","properties":{"deleteOption":"Delete"}}]}}}`
}

// events are the kinds of what happened since the last call.
func (b *bench) events() (kinds string, last store.MachineEvent) {
	var list []string
	for _, e := range b.s.MachineEvents() {
		list = append(list, string(e.Kind))
		last = e
	}
	return strings.Join(list, " "), last
}

func (b *bench) wantEvents(want string) store.MachineEvent {
	b.t.Helper()
	got, last := b.events()
	if got != want {
		b.t.Fatalf("events %q, want %q", got, want)
	}
	return last
}

func (b *bench) text(path string, members ...string) string {
	b.t.Helper()
	return tree.Text(b.object(b.do("GET", path, "", "")), members...)
}

func extensionBody(command, tag string) string {
	return `{"location":"westeurope","properties":{"publisher":"Microsoft.Azure.Extensions","type":"CustomScript","typeHandlerVersion":"2.1",
	"forceUpdateTag":"` + tag + `","settings":{"timestamp":1},"protectedSettings":{"commandToExecute":"` + command + `"}}}`
}

// TestMachineBoots: the PUT of a VM with an image ends when its guest is ready,
// and not before Azure's own time is over.
func TestMachineBoots(t *testing.T) {
	b := newMachines(t, store.Options{Profile: profile.Fast})
	b.s.PlayGuests(0)
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	boot := b.wantEvents("boot")
	vm := boot.VM
	if vm.ID != guest || vm.Image != image || string(vm.CustomData) != "#cloud-config\n" || vm.AdminUser != "ops" || vm.Size != "Standard_D8s_v5" {
		t.Fatalf("machine %+v", vm)
	}
	if n := vm.NICs[0]; n.Addr.String() != "10.102.2.20" || n.Subnet.String() != "10.102.2.0/24" || !n.Primary || n.DNS[0].String() != "10.9.9.9" || n.MAC == "" {
		t.Fatalf("NIC %+v", n)
	}
	b.pass(time.Hour)
	if state := b.text(guest, "properties", "provisioningState"); state != "Updating" {
		t.Fatalf("before the guest is ready: %s", state)
	}
	view := b.object(b.do("GET", guest+"/instanceView?api-version=2024-07-01", "", ""))
	if agent := tree.Objects(view, "vmAgent", "statuses")[0]; tree.Text(agent, "displayStatus") != "Not Ready" {
		t.Fatalf("agent %v", agent)
	}
	b.s.Booted(b.now, guest)
	if state := b.text(guest, "properties", "provisioningState"); state != "Succeeded" {
		t.Fatalf("after the boot: %s", state)
	}
	want(t, b.do("POST", guest+"/restart", "", ""), 202, "")
	b.wantEvents("restart")
	b.s.Booted(b.now, guest)
	if state := b.text(guest, "properties", "provisioningState"); state != "Updating" {
		t.Fatalf("a quick guest made Azure quick: %s", state)
	}
	b.pass(time.Minute)
	if state := b.text(guest, "properties", "provisioningState"); state != "Succeeded" {
		t.Fatalf("after the restart: %s", state)
	}
}

// TestBootFails: a guest that never reports ends the PUT as Azure does.
func TestBootFails(t *testing.T) {
	b := newMachines(t, store.Options{})
	b.s.PlayGuests(0)
	put := b.do("PUT", guest, "", machineBody(""))
	b.pass(time.Minute)
	if !b.s.BootFailed(b.now, guest, "no init") {
		t.Fatal("nobody waited")
	}
	status := b.object(b.do("GET", strings.TrimPrefix(put.Get("Azure-AsyncOperation"), "https://management.azure.com"), "", ""))
	if tree.Text(status, "error", "code") != "OSProvisioningTimedOut" || b.text(guest, "properties", "provisioningState") != "Failed" {
		t.Fatalf("status %v", status)
	}
	other := site + "/providers/Microsoft.Network/networkInterfaces/more"
	if err := b.s.Place(b.now, other, nicBody("10.102.2.21", "")); err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(machineBody(""), `"networkInterfaces":[{"id":"`+nicG+`","properties":{`, `"networkInterfaces":[{"id":"`+other+`"},{"id":"`+nicG+`","properties":{"primary":true,`, 1)
	want(t, b.do("PUT", guest, "", more), 400, "AddingOrDeletingNetworkInterfacesOnARunningVirtualMachineNotSupported")
}

// TestSetState: a resource can be found Failed, and a write mends it.
func TestSetState(t *testing.T) {
	b := newBench(t, store.Options{})
	if !b.s.SetState(nicP, "Failed") || b.text(nicP, "properties", "provisioningState") != "Failed" {
		t.Fatal("not failed")
	}
	want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", fip)), 200, "")
	b.pass(time.Minute)
	if state := b.text(nicP, "properties", "provisioningState"); state != "Succeeded" {
		t.Fatal(state)
	}
}

// TestMachineSecrets: what Azure never shows is never shown, and sending a GET
// back changes nothing.
func TestMachineSecrets(t *testing.T) {
	b := newMachines(t, store.Options{})
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.pass(time.Minute)
	got := b.do("GET", guest, "", "")
	for _, secret := range []string{"not shown", "customData", "adminPassword"} {
		if strings.Contains(string(got.Body), secret) {
			t.Fatalf("%s in %s", secret, got.Body)
		}
	}
	want(t, b.do("PUT", guest, "", string(got.Body)), 200, "")
	b.pass(time.Minute)
	if again := b.do("GET", guest, "", ""); !sameBut(got.Body, again.Body) {
		t.Fatalf("%s\nbecame %s", got.Body, again.Body)
	}
	changed := strings.Replace(machineBody(""), `"customData":"`, `"customData":"QUJD`, 1)
	want(t, b.do("PUT", guest, "", changed), 409, "PropertyChangeNotAllowed")
}

// sameBut compares two bodies without their ETags.
func sameBut(a, b []byte) bool {
	cut := func(body []byte) string {
		o, err := tree.Parse(body)
		if err != nil {
			return err.Error()
		}
		delete(o, "etag")
		return string(tree.Render(o))
	}
	return cut(a) == cut(b)
}

// TestMachineDisk: a VM brings a managed disk, which is in use and goes as its
// deleteOption says.
func TestMachineDisk(t *testing.T) {
	b := newMachines(t, store.Options{})
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.pass(time.Minute)
	disk := b.text(guest, "properties", "storageProfile", "osDisk", "managedDisk", "id")
	if owner := b.text(disk, "managedBy"); owner != guest || !strings.HasPrefix(disk, site+"/providers/Microsoft.Compute/disks/guest_OsDisk_1_") {
		t.Fatalf("disk %s of %q", disk, owner)
	}
	want(t, b.do("DELETE", disk, "", ""), 409, "OperationNotAllowed")
	want(t, b.do("DELETE", nicG, "", ""), 400, "NicInUse")
	want(t, b.do("DELETE", guest, "", ""), 202, "")
	b.pass(time.Minute)
	want(t, b.do("GET", disk, "", ""), 404, "ResourceNotFound")
	want(t, b.do("GET", nicG, "", ""), 404, "ResourceNotFound")
}

// TestExtension: a script runs once for each configuration, and its output is
// the instance view.
func TestExtension(t *testing.T) {
	b := newMachines(t, store.Options{})
	b.s.PlayGuests(0)
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.wantEvents("boot")
	want(t, b.do("PUT", script, "", extensionBody("hostname", "1")), 201, "")
	b.wantEvents("")
	b.s.Booted(b.now, guest)
	run := b.wantEvents("script")
	if run.Script.Command != "hostname" || run.Script.Extension != script || run.VM.ID != guest {
		t.Fatalf("script %+v", run.Script)
	}
	b.pass(time.Hour)
	if state := b.text(script, "properties", "provisioningState"); state != "Updating" {
		t.Fatalf("while it runs: %s", state)
	}
	b.s.ScriptDone(b.now, run.Script.Operation, 0, "guest\n", "")
	got := b.do("GET", script+"?$expand=instanceView&api-version=2024-07-01", "", "")
	if strings.Contains(string(got.Body), "hostname") {
		t.Fatalf("protected settings in %s", got.Body)
	}
	status := tree.Objects(b.object(got), "properties", "instanceView", "statuses")[0]
	if message := tree.Text(status, "message"); message != "Enable succeeded: \n[stdout]\nguest\n\n[stderr]\n" {
		t.Fatalf("message %q", message)
	}
	want(t, b.do("PUT", script, "", extensionBody("hostname", "1")), 200, "")
	b.wantEvents("")
	b.pass(time.Minute)
	want(t, b.do("PUT", script, "", extensionBody("hostname", "2")), 200, "")
	run = b.wantEvents("script")
	b.pass(time.Minute)
	b.s.ScriptDone(b.now, run.Script.Operation, 3, "", "no such file")
	if state := b.text(script, "properties", "provisioningState"); state != "Failed" {
		t.Fatalf("after exit 3: %s", state)
	}
	want(t, b.do("PUT", guest+"/extensions/other", "", extensionBody("id", "")), 400, "BadRequest")
	want(t, b.do("DELETE", script, "", ""), 202, "")
	b.pass(time.Minute)
	want(t, b.do("PUT", guest+"/extensions/other", "", extensionBody("id", "")), 201, "")
}

// TestExtensionFails: the operation carries the guest's words, as Azure's does.
func TestExtensionFails(t *testing.T) {
	b := newMachines(t, store.Options{})
	b.s.PlayGuests(0)
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.s.Booted(b.now, guest)
	b.events()
	put := b.do("PUT", script, "", extensionBody("false", ""))
	run := b.wantEvents("script")
	b.pass(time.Minute)
	b.s.ScriptDone(b.now, run.Script.Operation, 1, "", "")
	status := b.object(b.do("GET", strings.TrimPrefix(put.Get("Azure-AsyncOperation"), "https://management.azure.com"), "", ""))
	if tree.Text(status, "status") != "Failed" || tree.Text(status, "error", "code") != "VMExtensionProvisioningError" ||
		!strings.Contains(tree.Text(status, "error", "message"), "command terminated with exit status=1") {
		t.Fatalf("status %v", status)
	}
	listed := tree.Objects(b.object(b.do("GET", sub+"/resources?$filter=resourceType%20eq%20'Microsoft.Compute/virtualMachines/extensions'&api-version=2021-04-01", "", "")), "value")
	if len(listed) != 1 || tree.Text(listed[0], "name") != "guest/releve" {
		t.Fatalf("listed %v", listed)
	}
	both := strings.Replace(extensionBody("id", "2"), `"timestamp":1`, `"commandToExecute":"id"`, 1)
	want(t, b.do("PUT", script, "", both), 200, "")
	b.wantEvents("")
	b.pass(time.Minute)
	if state := b.text(script, "properties", "provisioningState"); state != "Failed" {
		t.Fatalf("a command in both settings: %s", state)
	}
}

// TestRunCommand: its answer is the operation's result.
func TestRunCommand(t *testing.T) {
	b := newMachines(t, store.Options{})
	b.s.PlayGuests(0)
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.s.Booted(b.now, guest)
	b.pass(time.Minute)
	b.events()
	post := b.do("POST", guest+"/runCommand", "", `{"commandId":"RunShellScript","script":["uptime","id"]}`)
	want(t, post, 202, "")
	run := b.wantEvents("script")
	if run.Script.Command != "uptime\nid" || run.Script.Extension != "" {
		t.Fatalf("script %+v", run.Script)
	}
	want(t, b.do("POST", guest+"/runCommand", "", `{"commandId":"RunShellScript","script":["id"]}`), 409, "Conflict")
	b.pass(time.Minute)
	location := strings.TrimPrefix(post.Get("Location"), "https://management.azure.com")
	want(t, b.do("GET", location, "", ""), 202, "")
	b.s.ScriptDone(b.now, run.Script.Operation, 0, "up\n", "")
	result := b.do("GET", location, "", "")
	want(t, result, 200, "")
	if message := tree.Text(tree.Objects(b.object(result), "value")[0], "message"); message != "Enable succeeded: \n[stdout]\nup\n\n[stderr]\n" {
		t.Fatalf("message %q", message)
	}
	want(t, b.do("POST", guest+"/deallocate", "", ""), 202, "")
	b.wantEvents("stop")
	b.pass(time.Minute)
	want(t, b.do("POST", guest+"/runCommand", "", `{"commandId":"RunShellScript","script":["id"]}`), 409, "OperationNotAllowed")
	want(t, b.do("PUT", script, "", extensionBody("id", "")), 409, "OperationNotAllowed")
	want(t, b.do("POST", guest+"/start", "", ""), 202, "")
	b.wantEvents("boot")
	b.s.Booted(b.now, guest)
	b.pass(time.Minute)
	want(t, b.do("DELETE", guest, "", ""), 202, "")
	b.pass(time.Minute)
	b.wantEvents("delete")
}

// TestMachineOfDeletedGroup: a group takes its machines, their disks and NICs
// with it, and nothing else.
func TestMachineOfDeletedGroup(t *testing.T) {
	b := newMachines(t, store.Options{})
	b.s.PlayGuests(0)
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.wantEvents("boot")
	b.s.Booted(b.now, guest)
	b.pass(time.Minute)
	b.do("DELETE", site, "", "")
	b.pass(time.Minute)
	b.wantEvents("delete")
	left := tree.Objects(b.object(b.do("GET", sub+"/resources", "", "")), "value")
	if len(left) != 1 || tree.Text(left[0], "name") != "vnet" {
		t.Fatalf("left %v", left)
	}
	want(t, b.do("GET", network, "", ""), 200, "")
}

// TestGuestsNobodyPlays: without a host everything succeeds by itself.
func TestGuestsNobodyPlays(t *testing.T) {
	b := newMachines(t, store.Options{})
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.pass(time.Minute)
	want(t, b.do("PUT", script, "", extensionBody("id", "")), 201, "")
	b.pass(time.Minute)
	if state := b.text(script, "properties", "provisioningState"); state != "Succeeded" {
		t.Fatalf("the extension is %s", state)
	}
	b.wantEvents("")
	b.s.PlayGuests(b.now)
	b.wantEvents("boot")
	b.s.Booted(b.now, guest)
	b.wantEvents("")
}

// TestMachinesOutliveASnapshot: secrets and disks too.
func TestMachinesOutliveASnapshot(t *testing.T) {
	b := newMachines(t, store.Options{})
	want(t, b.do("PUT", guest, "", machineBody("")), 201, "")
	b.pass(time.Minute)
	want(t, b.do("PUT", script, "", extensionBody("id", "")), 201, "")
	b.pass(time.Minute)
	data, err := b.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	before := b.do("GET", guest, "", "")
	if b.s, err = store.Restore(data, 0, store.Options{}); err != nil {
		t.Fatal(err)
	}
	b.now = 0
	if after := b.do("GET", guest, "", ""); string(after.Body) != string(before.Body) {
		t.Fatalf("%s\nbecame %s", before.Body, after.Body)
	}
	b.s.PlayGuests(0)
	if boot := b.wantEvents("boot"); string(boot.VM.CustomData) != "#cloud-config\n" {
		t.Fatalf("custom data %q", boot.VM.CustomData)
	}
	b.s.Booted(0, guest)
	want(t, b.do("PUT", script, "", extensionBody("id", "")), 200, "")
	b.wantEvents("")
}
