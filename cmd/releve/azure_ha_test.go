package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/guest"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// pairWithGuests is a healthy site whose guests run, and an administrator's
// environment for it.
func pairWithGuests(t *testing.T) *sitetest.Site {
	t.Helper()
	s := sitetest.New(t, true)
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		id := s.VMID(sitetest.VM(side))
		vm := s.Get(id)
		s.Delete(id)
		gone := func(context.Context) (bool, error) { return s.Get(id) == nil, nil }
		if err := account.Await(t.Context(), "the VM to be gone", time.Second, time.Minute, gone); err != nil {
			t.Fatal(err)
		}
		properties := vm["properties"].(map[string]any)
		properties["storageProfile"] = map[string]any{"osDisk": map[string]any{"createOption": "FromImage"},
			"imageReference": map[string]any{"publisher": "Debian", "offer": "debian-13", "sku": "13-gen2", "version": "latest"}}
		properties["osProfile"] = map[string]any{"computerName": sitetest.VM(side), "adminUsername": "operator", "adminPassword": "Never-used-9"}
		delete(vm, "etag")
		body, err := json.Marshal(vm)
		if err != nil {
			t.Fatal(err)
		}
		s.Place(id, string(body))
	}
	playGuests(t, s)
	var tenant string
	s.Server.With(func(_ time.Duration, st *store.Store) { tenant = st.Tenant() })
	for name, value := range map[string]string{
		"RELEVE_AZURE_ENDPOINT": s.Endpoint, "RELEVE_AZURE_CA": s.CAFile, "AZURE_TENANT_ID": tenant,
		"AZURE_CLIENT_ID": emulator.AdminClientID, "AZURE_CLIENT_SECRET": emulator.DefaultSecret, "AZURE_SUBSCRIPTION_ID": s.Subscription,
		"XDG_CONFIG_HOME": t.TempDir(), "HOME": t.TempDir(), "RELEVE_MANAGER": "", "RELEVE_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	return s
}

// playGuests lets the guests boot, and say that all is well once both have settings.
func playGuests(t *testing.T, s *sitetest.Site) {
	t.Helper()
	given := map[string]bool{} // the hook is called in order
	s.Server.OnMachine(func(e store.MachineEvent) {
		switch e.Kind {
		case store.MachineBoot, store.MachineRestart:
			go s.Server.Booted(e.VM.ID)
		case store.MachineScript:
			out := ""
			if e.Script.Extension != "" {
				given[e.VM.ID] = true
				const file, text = `ca_file: "` + guest.CAFile + `"`, "-----BEGIN CERTIFICATE-----"
				if run := e.Script.Command; strings.Contains(run, "config merge") && !(strings.Contains(run, file) && strings.Contains(run, text)) {
					t.Errorf("the guest isn't told whom to trust at a private endpoint:\n%s", run)
				}
			} else {
				status := site.Status{Side: site.Primary, Role: site.Standby, Fit: true}
				status.HA.Ready = len(given) == 2
				text, err := json.MarshalIndent(status, "", "  ")
				if err != nil {
					t.Error(err)
				}
				out = strings.ReplaceAll(string(text), "\n", "")
			}
			go s.Server.ScriptDone(e.Script.Operation, 0, out, "")
		}
	})
}

// azureDo runs a command of the program as a shell without a terminal does.
func azureDo(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := azureCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetIn(strings.NewReader(""))
	command.SetArgs(append(args, "--resource-group", sitetest.Group, "--network-group", sitetest.NetworkGroup, "--primary", sitetest.Primary, "--secondary", sitetest.Secondary))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	err := command.ExecuteContext(ctx)
	return out.String(), err
}

// D5 to D9, D11: the command sets a pair up and says that it is Ready; then there
// is nothing to do; undo gives back what was.
func TestAzureHA(t *testing.T) {
	s := pairWithGuests(t)
	before := s.Store()
	fip := []string{"ha", "--floating-ip", sitetest.FloatingIP.String()}
	out, err := azureDo(t, append(fip, "--plan")...)
	if err != nil || !strings.Contains(out, "create identity") || !strings.Contains(out, "+ properties.ipConfigurations[releve-floating-ip]") || !strings.Contains(out, "nothing has changed") {
		t.Fatalf("plan: %v\n%s", err, out)
	}
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Fatalf("--plan changed: %s", diff)
	}
	if out, err = azureDo(t, fip...); err == nil || !strings.Contains(err.Error(), "--keep-routes") || !strings.Contains(out, "to-sites") {
		t.Fatalf("without a person or --yes: %v\n%s", err, out)
	}
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Fatalf("without consent: %s", diff)
	}
	if out, err = azureDo(t, append(fip, "--yes")...); err != nil || !strings.Contains(out, "Ready") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = azureDo(t, append(fip, "--plan")...); err != nil || !strings.Contains(out, "no changes") {
		t.Fatalf("plan after ha: %v\n%s", err, out)
	}
	if out, err = azureDo(t, "ha", "undo", "--yes"); err != nil {
		t.Fatalf("undo: %v\n%s", err, out)
	}
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("after undo: %s", diff)
	}
}

// D10, A6: what is wrong is said before the first change, all at once.
func TestAzureHARefuses(t *testing.T) {
	s := pairWithGuests(t)
	s.Change(s.VMID(sitetest.Secondary), func(vm map[string]any) {
		vm["properties"].(map[string]any)["hardwareProfile"].(map[string]any)["vmSize"] = "Standard_D8s_v5"
	})
	before := s.Store()
	out, err := azureDo(t, "ha", "--yes", "--floating-ip", "10.102.2.3")
	if err == nil || !strings.Contains(err.Error(), "nothing has changed") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"10.102.2.3", "size"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("changed: %s", diff)
	}
}

// asOperator signs in as somebody who has no role yet; the function gives Owner of a
// group.
func asOperator(t *testing.T, s *sitetest.Site) func(group string) {
	t.Helper()
	const owner, app = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "5f0c1a2e-0000-4000-8000-0000000000aa"
	if err := s.Server.AddApplication(emulator.Application{ClientID: app, Name: "operator", Secret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_CLIENT_ID", app)
	t.Setenv("AZURE_CLIENT_SECRET", "s3cret")
	return func(group string) {
		s.Place(s.GroupID(group)+"/providers/Microsoft.Authorization/roleAssignments/5f0c1a2e-0000-4000-9000-0000000000aa",
			`{"properties":{"principalId":"`+app+`","roleDefinitionId":"/subscriptions/`+s.Subscription+`/providers/Microsoft.Authorization/roleDefinitions/`+owner+`"}}`)
	}
}

// D10: Owner of the two groups is enough, and of one it isn't: then nothing is
// changed, and the other is named.
func TestAzureHAAsAnOwner(t *testing.T) {
	s := pairWithGuests(t)
	own := asOperator(t, s)
	own(sitetest.Group)
	before := s.Store()
	args := []string{"ha", "--yes", "--floating-ip", sitetest.FloatingIP.String()}
	out, err := azureDo(t, args...)
	if err == nil || !strings.Contains(out, "/resourceGroups/"+sitetest.NetworkGroup) || !strings.Contains(err.Error(), "nothing has changed") {
		t.Fatalf("as owner of one group: %v\n%s", err, out)
	}
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Fatalf("as owner of one group: %s", diff)
	}
	own(sitetest.NetworkGroup)
	before = s.Store()
	if out, err = azureDo(t, args...); err != nil {
		t.Fatalf("as owner of both: %v\n%s", err, out)
	}
	if out, err = azureDo(t, "doctor", "--no-guests"); err != nil || strings.Contains(out, "couldn't be") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	if out, err = azureDo(t, "ha", "undo", "--yes"); err != nil {
		t.Fatalf("undo: %v\n%s", err, out)
	}
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("after undo: %s", diff)
	}
}

// D11: with a VM stopped, undo says what it cuts and what it leaves, with the command
// that takes the rest back; that starts the VM, and stops it again.
func TestAzureHAUndoWithAStoppedVM(t *testing.T) {
	s := pairWithGuests(t)
	before := s.Store()
	if out, err := azureDo(t, "ha", "--yes", "--floating-ip", sitetest.FloatingIP.String()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	vm := s.VMID(sitetest.Primary)
	s.Server.SetPower(vm, store.PowerDeallocated)
	out, err := azureDo(t, "ha", "undo", "--plan")
	if err != nil || !strings.Contains(out, "warning: the route to-cloud, 0.0.0.0/0, of") || !strings.Contains(out, "note: "+sitetest.Primary+" is deallocated") {
		t.Errorf("plan: %v\n%s", err, out)
	}
	out, err = azureDo(t, "ha", "undo", "--yes")
	again := "releve azure ha undo --start -g " + sitetest.Group + " --network-group " + sitetest.NetworkGroup + " --primary " + sitetest.Primary + " --secondary " + sitetest.Secondary
	if err == nil || !strings.Contains(err.Error(), "left: ") || !strings.Contains(err.Error(), again) || strings.Contains(err.Error(), " and "+sitetest.Secondary) {
		t.Errorf("undo: %v\n%s", err, out)
	}
	called := len(s.Server.Calls())
	if out, err = azureDo(t, "ha", "undo", "--yes", "--start"); err != nil {
		t.Fatalf("undo --start: %v\n%s", err, out)
	}
	var asked []string
	for _, c := range s.Server.Calls()[called:] {
		if strings.HasPrefix(strings.ToLower(c.Path), strings.ToLower(vm)+"/") && c.Method != "GET" {
			asked = append(asked, c.Method+" "+c.Path[strings.LastIndexByte(c.Path, '/')+1:])
		}
	}
	want := "POST start, PUT releve-ha, DELETE releve-ha, POST deallocate"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("asked of the primary's VM: %s\nwant %s", got, want)
	}
	s.Server.SetPower(vm, store.PowerRunning)
	if diff := sitetest.Compare(before, s.Store()); diff != nil {
		t.Errorf("after undo: %s", diff)
	}
}
