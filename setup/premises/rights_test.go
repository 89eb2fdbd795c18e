package premises_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// Built-in roles ("Azure built-in roles").
const (
	owner       = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	reader      = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

// person signs in as somebody else than the subscription's owner.
type person struct {
	server *emulator.Server
	id     string
}

func (p person) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := p.server.Token(p.id, "https://management.azure.com", 0)
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// as makes the ground's client that of a person with roles on groups.
func (g *ground) as(roles map[string]string) {
	g.t.Helper()
	const id = "00000000-0000-4000-8000-00000000a11c"
	if err := g.Server.AddApplication(emulator.Application{ClientID: id, Name: "alice", Secret: "x"}); err != nil {
		g.t.Fatal(err)
	}
	n := 0
	for group, role := range roles {
		n++
		g.Place(fmt.Sprintf("%s/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-00000000000%d", g.GroupID(group), n),
			`{"properties":{"principalId":"`+id+`","roleDefinitionId":"/subscriptions/`+g.Subscription+`/providers/Microsoft.Authorization/roleDefinitions/`+role+`"}}`)
	}
	g.signIn(person{g.Server, id})
}

// Somebody with roles on the two groups alone deploys, with ARM enforcing them.
func TestRolesOnTheGroupsAreEnough(t *testing.T) {
	for _, role := range []string{owner, contributor} {
		g := newGround(t)
		g.as(map[string]string{sitetest.Group: role, sitetest.NetworkGroup: role})
		if made := g.deploy(site.Primary, nil); !slices.Contains(made, "vm created") {
			t.Errorf("%q", made)
		}
	}
}

// D10: what is missing on one of two groups is named before the first change.
func TestMissingRightsAreFoundBeforeTheFirstChange(t *testing.T) {
	cases := []struct {
		name  string
		roles map[string]string
		want  []string
	}{
		{"a reader of the network", map[string]string{sitetest.Group: owner, sitetest.NetworkGroup: reader},
			[]string{"you may not do Microsoft.Network/virtualNetworks/subnets/join/action, Microsoft.Network/virtualNetworks/subnets/write", "PIM"}},
		{"a reader of the VMs", map[string]string{sitetest.Group: reader, sitetest.NetworkGroup: owner},
			[]string{"you may not do Microsoft.Compute/virtualMachines/write", "Microsoft.Compute/images/write"}},
		{"nobody to the network", map[string]string{sitetest.Group: owner}, []string{"the resource group couldn't be read: you may not do Microsoft.Resources/subscriptions/resourceGroups/read (/subs", "the virtual network couldn't be read", "join/action"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGround(t)
			g.as(c.roles)
			before := g.Store()
			w, pair := g.wanted(site.Primary, nil)
			text := fmt.Sprint(errors.Join(plan.CheckDeploy(w, g.read(w, pair))...))
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in:\n%s", want, text)
				}
			}
			if differ := sitetest.Compare(before, g.Store()); differ != nil {
				t.Errorf("looking changed:\n%s", strings.Join(differ, "\n"))
			}
		})
	}
}
