package survey_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

const (
	personID     = "55555555-5555-4555-8555-555555555555"
	otherTenant  = "66666666-6666-4666-8666-666666666666"
	ownerRole    = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	readerRole   = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	schedules    = "/providers/Microsoft.Authorization/roleEligibilityScheduleInstances/00000000-0000-4000-8000-000000000005"
	activations  = "/providers/Microsoft.Authorization/roleAssignmentScheduleRequests/00000000-0000-4000-8000-000000000006"
	definitionOf = "/providers/Microsoft.Authorization/roleDefinitions/"
)

// signedIn gives tokens of an application that isn't the subscription's owner.
type signedIn struct {
	server *emulator.Server
	life   time.Duration // negative: expired
}

func (s signedIn) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := s.server.Token(personID, "https://management.azure.com", s.life)
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// as makes the one who examines an application with exactly the roles that it is given.
func (w *world) as(life time.Duration, tenants ...string) {
	w.t.Helper()
	if err := w.Server.AddApplication(emulator.Application{ClientID: personID, Name: "person", Secret: "s", Tenants: tenants}); err != nil {
		w.t.Fatal(err)
	}
	transport, err := account.Transport(w.CAFile)
	if err != nil {
		w.t.Fatal(err)
	}
	w.client, err = account.New(account.Config{Endpoint: w.Endpoint, Audience: "https://management.azure.com", Credential: signedIn{w.Server, life}, Transport: transport})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) give(role, group string) {
	w.place(w.assignment(w.GroupID(group), 900), object{"properties": object{"principalId": personID, "principalType": "ServicePrincipal",
		"roleDefinitionId": "/subscriptions/" + w.Subscription + definitionOf + role}})
}

// activate plays the person who activates the role.
func (w *world) activate(group string) {
	w.t.Helper()
	body := `{"properties":{"requestType":"SelfActivate","principalId":"` + personID + `","roleDefinitionId":"/subscriptions/` + w.Subscription + definitionOf + ownerRole + `"}}`
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, w.Endpoint+group+activations+"?api-version=2020-10-01", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := w.Server.Token(personID, "https://management.azure.com", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	client, err := account.Transport(w.CAFile)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		w.t.Fatalf("activation: HTTP status %d", answer.StatusCode)
	}
}

// D10, with Azure's own rules: who is Owner of one group of the two is told so,
// before anything is changed; and so is who could activate the role.
func TestOwnerOfOneGroupOnly(t *testing.T) {
	w := healthy(t, true)
	w.as(0)
	w.give(ownerRole, sitetest.Group)
	w.give(readerRole, sitetest.NetworkGroup)
	found := w.examine()
	if len(found) != 1 || found[0].Code != "caller-rights" || !strings.EqualFold(found[0].Where, w.GroupID(sitetest.NetworkGroup)) ||
		!strings.Contains(found[0].What, "Microsoft.Authorization/roleAssignments/write") {
		t.Errorf("found %s", list(found))
	}
	w.place(w.GroupID(sitetest.NetworkGroup)+schedules, object{"properties": object{"principalId": personID, "roleDefinitionId": "/subscriptions/" + w.Subscription + definitionOf + ownerRole}})
	found = w.examine()
	if len(found) != 1 || found[0].Code != "pim-inactive" || !strings.Contains(found[0].Remedies[0].Person, "activate Owner") {
		t.Fatalf("found %s", list(found))
	}
	w.activate(w.GroupID(sitetest.NetworkGroup))
	if found := w.examine(); len(found) > 0 {
		t.Errorf("after the activation: %s", list(found))
	}
}

// Who may see nothing of the VNet's group isn't told that all is fine there.
func TestWhatMayNotBeReadIsTold(t *testing.T) {
	w := healthy(t, true)
	w.as(0)
	w.give(ownerRole, sitetest.Group)
	unseen := 0
	for _, f := range w.examine() {
		switch {
		case f.Code == "unseen" && strings.Contains(f.What, "AuthorizationFailed"):
			unseen++
		case f.Code != "caller-rights":
			t.Errorf("%s: %s", f.Code, f.What)
		}
	}
	if unseen == 0 {
		t.Error("nothing is said of what couldn't be read")
	}
}

func TestSignInsThatWontDo(t *testing.T) {
	for _, c := range []struct {
		life    time.Duration
		tenants []string
		code    string
	}{{-time.Minute, nil, "sign-in-expired"}, {0, []string{otherTenant}, "sign-in-tenant"}} {
		w := healthy(t, true)
		w.as(c.life, c.tenants...)
		found := w.examine()
		if len(found) != 1 || found[0].Code != c.code || found[0].Severity != doctor.Error {
			t.Errorf("%s: found %s", c.code, list(found))
		}
	}
}

// An identity of somebody else's on both VMs is told of; that it has no role here
// is no fault.
func TestAnotherIdentityOnBoth(t *testing.T) {
	w := healthy(t, true)
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		vm(side, func(v object) { v["identity"].(object)["userAssignedIdentities"].(object)[w.ForeignID()] = object{} })(w)
	}
	for _, guests := range [][2]*doctor.Guest{w.guests, {}} {
		w.guests = guests
		if found := w.examine(); len(found) != 2 || found[0].Code != "identity-several" || found[1].Code != "identity-several" {
			t.Errorf("found %s", list(found))
		}
	}
}
