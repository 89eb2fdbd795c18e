package premises_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// D4: where it can't be told whether the VHD is there, that is said, and nothing is
// in the way.
func TestAVHDThatCannotBeAsked(t *testing.T) {
	t.Run("no shared keys", func(t *testing.T) {
		g := newGround(t)
		g.Place(g.account("images1"), `{"location":"westeurope","properties":{"allowSharedKeyAccess":false}}`)
		g.untold("KeyBasedAuthenticationNotPermitted")
	})
	t.Run("without the right", func(t *testing.T) {
		g := newGround(t)
		const role = "00000000-0000-4000-8000-0000000000c1"
		g.Place(g.GroupID(sitetest.Group)+"/providers/Microsoft.Authorization/roleDefinitions/"+role, `{"properties":{"roleName":"deployer","type":"CustomRole",
			"assignableScopes":["`+g.GroupID(sitetest.Group)+`"],"permissions":[{"actions":["*"],"notActions":["Microsoft.Storage/storageAccounts/listServiceSas/action"]}]}}`)
		g.as(map[string]string{sitetest.Group: role, sitetest.NetworkGroup: owner})
		g.untold("you may not do Microsoft.Storage/storageAccounts/listServiceSas/action")
	})
}

func (g *ground) untold(why string) {
	g.t.Helper()
	w, pair := g.wanted(site.Primary, nil)
	p := g.read(w, pair)
	if wrong := plan.CheckDeploy(w, p); wrong != nil {
		g.t.Errorf("in the way: %v", errors.Join(wrong...))
	}
	told := slices.ContainsFunc(p.Untold, func(u doctor.Unseen) bool { return strings.Contains(u.Why, why) })
	if !told || strings.Contains(fmt.Sprint(p.Untold), "sig=") {
		g.t.Errorf("told: %+v, want %q", p.Untold, why)
	}
}

// An image that was made of the VHD is enough: who has deleted the VHD since deploys.
func TestTheImageIsEnough(t *testing.T) {
	g := newGround(t)
	g.deploy(site.Primary, nil)
	g.Delete(g.account("images1"))
	g.deploy(site.Secondary, nil)
}
