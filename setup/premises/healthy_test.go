package premises_test

import (
	"net/netip"
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/setup/survey"
	"releve.dev/releve/site"
)

// What deploy makes is what the doctor calls healthy, but for what ha does.
func TestTheDoctorFindsNothingWrongWithADeployedPair(t *testing.T) {
	g := newGround(t)
	g.deploy(site.Primary, nil)
	g.deploy(site.Secondary, nil)
	facts, err := survey.Read(t.Context(), g.client, survey.Names{Subscription: g.Subscription, Group: sitetest.Group, NetworkGroup: sitetest.NetworkGroup,
		Primary: "edge-primary", Secondary: "edge-secondary", FloatingIP: netip.MustParseAddr("10.7.2.20"), Endpoint: g.Endpoint})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range doctor.Examine(facts) {
		if f.Severity != doctor.Note && !f.Setup {
			t.Errorf("%s %s: %s (%s)", f.Severity, f.Code, f.What, f.Where)
		}
	}
	if facts.Members[0].LAN == nil || facts.Members[1].WAN == nil {
		t.Errorf("NICs weren't told apart: %+v", facts.Members)
	}
}
