package store_test

import (
	"strings"
	"testing"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

const owner = sub + "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

// person signs in by themselves; assigned makes them Owner of a scope.
var person = store.Principal{ObjectID: "00000000-0000-4000-8000-0000000000b0", ClientID: "00000000-0000-4000-8000-0000000000b1", Name: "person"}

func (b *bench) own(scope, name string) {
	b.t.Helper()
	path := scope + "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0002-00000000000" + name
	if err := b.s.Place(b.now, path, `{"properties":{"roleDefinitionId":"`+owner+`","principalId":"`+person.ObjectID+`"}}`); err != nil {
		b.t.Fatal(err)
	}
}

// TestOwnerOfOneGroup (D10): rights end where the group does.
func TestOwnerOfOneGroup(t *testing.T) {
	b := newBench(t, store.Options{})
	count := func(path string) int {
		t.Helper()
		answer := b.as(person, "GET", path, "", "")
		want(t, answer, 200, "")
		return len(tree.Objects(b.object(answer), "value"))
	}
	if n := count("/subscriptions"); n != 0 {
		t.Fatalf("a stranger sees %d subscriptions", n)
	}
	want(t, b.as(person, "GET", site, "", ""), 403, "AuthorizationFailed")
	b.own(site, "1")
	if n := count("/subscriptions"); n != 1 {
		t.Fatalf("an owner sees %d subscriptions", n)
	}
	if n := count(sub + "/resourceGroups"); n != 1 {
		t.Fatalf("an owner of one group sees %d", n)
	}
	if n := count(sub + "/providers/Microsoft.Network/networkInterfaces"); n != 2 {
		t.Fatalf("%d NICs", n)
	}
	want(t, b.as(person, "PUT", nicS, "", nicBody("10.102.2.11", "")), 403, "LinkedAuthorizationFailed")
	role := func(scopes string) string {
		return `{"properties":{"roleName":"releve","assignableScopes":[` + scopes + `],"permissions":[{"actions":["Microsoft.Network/networkInterfaces/read"]}]}}`
	}
	definition := site + "/providers/Microsoft.Authorization/roleDefinitions/00000000-0000-0000-0003-000000000001"
	refused := b.as(person, "PUT", definition, "", role(`"`+site+`","`+network+`"`))
	want(t, refused, 403, "AuthorizationFailed")
	if !strings.Contains(string(refused.Body), "'Microsoft.Authorization/roleDefinitions/write' over scope '"+network+"'") {
		t.Fatalf("message %s", refused.Body)
	}
	b.own(network, "2")
	want(t, b.as(person, "PUT", definition, "", role(`"`+site+`","`+network+`"`)), 201, "")
	want(t, b.as(person, "PUT", nicS, "", nicBody("10.102.2.11", "")), 200, "")
}

// TestDenyAssignment: what roles allow can still be denied.
func TestDenyAssignment(t *testing.T) {
	b := newBench(t, store.Options{})
	b.own(site, "1")
	deny := site + "/providers/Microsoft.Authorization/denyAssignments/00000000-0000-0000-0004-000000000001"
	body := `{"properties":{"denyAssignmentName":"locked","permissions":[{"actions":["*/delete"]}],"principals":[{"id":"00000000-0000-0000-0000-000000000000"}]}}`
	want(t, b.as(person, "PUT", deny, "", body), 405, "MethodNotAllowed")
	if err := b.s.Place(0, deny, body); err != nil {
		t.Fatal(err)
	}
	want(t, b.as(person, "DELETE", ident, "", ""), 403, "DenyAssignmentAuthorizationFailed")
	want(t, b.as(person, "GET", ident, "", ""), 200, "")
	list := b.object(b.as(person, "GET", site+"/providers/Microsoft.Authorization/denyAssignments", "", ""))
	if len(tree.Objects(list, "value")) != 1 {
		t.Fatalf("deny assignments %v", list)
	}
	want(t, b.do("DELETE", deny, "", ""), 200, "")
	want(t, b.as(person, "DELETE", ident, "", ""), 200, "")
}

// TestEligibility (D10): a role that is only eligible gives nothing until it is
// activated.
func TestEligibility(t *testing.T) {
	b := newBench(t, store.Options{})
	authorization := site + "/providers/Microsoft.Authorization/"
	if err := b.s.Place(0, authorization+"roleEligibilityScheduleInstances/00000000-0000-0000-0005-000000000001",
		`{"properties":{"principalId":"`+person.ObjectID+`","roleDefinitionId":"`+owner+`"}}`); err != nil {
		t.Fatal(err)
	}
	want(t, b.as(person, "GET", ident, "", ""), 403, "AuthorizationFailed")
	listed := func(kind string) []tree.Object {
		t.Helper()
		answer := b.as(person, "GET", site+"/providers/Microsoft.Authorization/"+kind+"?$filter=asTarget()&api-version=2020-10-01", "", "")
		want(t, answer, 200, "")
		return tree.Objects(b.object(answer), "value")
	}
	eligible := listed("roleEligibilityScheduleInstances")
	if len(eligible) != 1 || tree.Text(eligible[0], "properties", "expandedProperties", "roleDefinition", "displayName") != "Owner" {
		t.Fatalf("eligible %v", eligible)
	}
	request := authorization + "roleAssignmentScheduleRequests/00000000-0000-0000-0006-000000000001"
	activate := `{"properties":{"requestType":"SelfActivate","principalId":"` + person.ObjectID + `","roleDefinitionId":"` + owner + `"}}`
	stranger := person
	stranger.ObjectID = "00000000-0000-4000-8000-0000000000ff"
	want(t, b.as(stranger, "PUT", request, "", activate), 400, "RoleAssignmentRequestPolicyValidationFailed")
	want(t, b.as(person, "PUT", request, "", activate), 201, "")
	want(t, b.as(person, "GET", ident, "", ""), 200, "")
	if active := listed("roleAssignmentScheduleInstances"); len(active) != 1 || tree.Text(active[0], "properties", "assignmentType") != "Activated" {
		t.Fatalf("active %v", active)
	}
}

// TestPrincipalNotFound: a role without principalType needs a principal that the
// directory knows already.
func TestPrincipalNotFound(t *testing.T) {
	b := newBench(t, store.Options{Switches: store.Switches{PrincipalDelay: 1e9}})
	fresh := site + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/fresh"
	b.pass(1e9)
	want(t, b.do("PUT", fresh, "", `{"location":"westeurope"}`), 201, "")
	body := func(more string) string {
		return `{"properties":{` + more + `"roleDefinitionId":"` + owner + `","principalId":"` + b.text(fresh, "properties", "principalId") + `"}}`
	}
	path := site + "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0007-000000000001"
	want(t, b.do("PUT", path, "", body("")), 400, "PrincipalNotFound")
	want(t, b.do("PUT", path, "", body(`"principalType":"ServicePrincipal",`)), 201, "")
	want(t, b.do("DELETE", path, "", ""), 200, "")
	b.pass(1e9)
	want(t, b.do("PUT", path, "", body("")), 201, "")
}

// TestResourceFilter: resources are found by their tags.
func TestResourceFilter(t *testing.T) {
	b := newBench(t, store.Options{})
	want(t, b.do("PATCH", nicP, "", `{"tags":{"releve-site":"one","owner":"ops"}}`), 200, "")
	for filter, n := range map[string]int{
		"tagName%20eq%20'releve-site'%20and%20tagValue%20eq%20'one'":                                    1,
		"tagName%20eq%20'releve-site'%20and%20tagValue%20eq%20'two'":                                    0,
		"tagName%20eq%20'owner'":                                                                        2,
		"resourceType%20eq%20'Microsoft.Network/networkInterfaces'":                                     2,
		"resourceType%20eq%20'Microsoft.Network/networkInterfaces'%20and%20name%20eq%20'secondary-lan'": 1,
	} {
		list := b.object(b.do("GET", sub+"/resources?$filter="+filter+"&api-version=2021-04-01", "", ""))
		if got := len(tree.Objects(list, "value")); got != n {
			t.Errorf("%s: %d, want %d", filter, got, n)
		}
	}
}
