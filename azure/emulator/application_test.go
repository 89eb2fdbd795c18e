package emulator_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/store"
)

const elsewhere = "00000000-0000-4000-8000-00000000000b"

// TestApplications: who signs in with a secret may do what roles allow, from
// the right tenant, while the token lasts.
func TestApplications(t *testing.T) {
	state := filepath.Join(t.TempDir(), "azure.json")
	w := newWorld(t, emulator.Options{State: state})
	person := emulator.Application{ClientID: "00000000-0000-4000-8000-0000000000c1", ObjectID: "00000000-0000-4000-8000-0000000000c0",
		Name: "person", Secret: "s3cret", Tenants: []string{store.DefaultTenant, elsewhere}}
	if err := w.s.AddApplication(person); err != nil {
		t.Fatal(err)
	}
	ask := func(tenant, secret string) answer {
		body := url.Values{"grant_type": {"client_credentials"}, "client_id": {person.ClientID}, "client_secret": {secret}, "scope": {"https://management.azure.com/.default"}}.Encode()
		return w.call("POST", "/"+tenant+"/oauth2/v2.0/token", "", body, "Content-Type", "application/x-www-form-urlencoded")
	}
	if a := ask(store.DefaultTenant, "wrong"); a.StatusCode != 401 || a.field("error") != "invalid_client" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := ask("00000000-0000-4000-8000-00000000000c", "s3cret"); a.StatusCode != 401 || !strings.Contains(a.field("error_description"), "AADSTS700016") {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	token := ask("organizations", "s3cret").field("access_token")
	w.call("GET", nic, token, "").want(t, 403, "AuthorizationFailed")
	if err := w.s.Place(nic+"/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000c2",
		`{"properties":{"roleDefinitionId":"`+sub+`/providers/Microsoft.Authorization/roleDefinitions/`+contributor+`","principalId":"`+person.ObjectID+`"}}`); err != nil {
		t.Fatal(err)
	}
	w.call("GET", nic, token, "").want(t, 200, "")
	w.call("GET", nic, ask(elsewhere, "s3cret").field("access_token"), "").want(t, 401, "InvalidAuthenticationTokenTenant")
	old, err := w.s.Token(person.ClientID, "https://management.azure.com", -time.Second)
	if err != nil {
		t.Fatal(err)
	}
	w.call("GET", nic, old, "").want(t, 401, "ExpiredAuthenticationToken")
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := emulator.New(emulator.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Token(person.ClientID, "https://management.azure.com", 0); err != nil {
		t.Fatal(err)
	}
}

// TestMachineHook: events come in order, outside of the lock, and an answer
// doesn't wait for them.
func TestMachineHook(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	const guest, guestNIC = group + "/providers/Microsoft.Compute/virtualMachines/guest", group + "/providers/Microsoft.Network/networkInterfaces/guest"
	told := make(chan store.MachineEvent)
	w.s.OnMachine(func(e store.MachineEvent) {
		told <- e
		w.s.Operations() // the lock is free
	})
	if err := w.s.Place(guestNIC, `{"location":"westeurope","properties":{"ipConfigurations":[{"name":"ipconfig1","properties":{"subnet":{"id":"`+lan+`"}}}]}}`); err != nil {
		t.Fatal(err)
	}
	body := `{"location":"westeurope","properties":{"hardwareProfile":{"vmSize":"Standard_D8s_v5"},"osProfile":{"adminUsername":"ops","adminPassword":"x"},
	"storageProfile":{"imageReference":{"publisher":"Debian","offer":"debian-13","sku":"13-gen2","version":"latest"}},
	"networkProfile":{"networkInterfaces":[{"id":"` + guestNIC + `"}]}}}`
	w.call("PUT", guest, w.admin(), body).want(t, 201, "")
	e := <-told
	if e.Kind != store.MachineBoot || e.VM.Image != "Debian:debian-13:13-gen2:latest" {
		t.Fatalf("event %+v", e)
	}
	w.call("POST", guest+"/restart", w.admin(), "").want(t, 202, "")
	if e := <-told; e.Kind != store.MachineRestart {
		t.Fatalf("event %+v", e)
	}
	w.s.Booted(e.VM.ID)
}
