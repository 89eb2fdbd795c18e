package survey_test

import (
	"net/netip"
	"strings"
	"testing"

	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/setup/survey"
	"releve.dev/releve/site"
)

// The VMs are found by what the set-up wrote on them, or by their NICs; where that
// doesn't tell, a person has to.
func TestFind(t *testing.T) {
	w := healthy(t, true)
	find := func() (string, string, error) {
		t.Helper()
		names := w.names
		names.Primary, names.Secondary = "", ""
		names, err := survey.Find(t.Context(), w.client, names)
		return names.Primary, names.Secondary, err
	}
	if primary, secondary, err := find(); primary != sitetest.Primary || secondary != sitetest.Secondary || err != nil {
		t.Errorf("%s, %s, %v", primary, secondary, err)
	}
	for _, side := range []site.Side{site.Primary, site.Secondary} { // the other way round, by tags
		w.Change(w.VMID(sitetest.VM(side)), func(v object) { v["tags"] = object{"releve-site": sitetest.Group + "/" + sitetest.Secondary} })
	}
	if primary, secondary, err := find(); primary != sitetest.Secondary || secondary != sitetest.Primary || err != nil {
		t.Errorf("%s, %s, %v", primary, secondary, err)
	}
	w.names.Group = sitetest.NetworkGroup
	if _, _, err := find(); err == nil || !strings.Contains(err.Error(), "--primary") {
		t.Errorf("%v", err)
	}
}

// Where nobody names the floating IP, Azure's counts: on a LAN NIC, or where routes
// lead.
func TestFloatingIPIsTakenFromAzure(t *testing.T) {
	w := healthy(t, true)
	w.names.FloatingIP = netip.Addr{}
	if got := w.read().Wanted.FloatingIP; got != sitetest.FloatingIP {
		t.Errorf("on the NIC: %s", got)
	}
	dropFloating(w)
	if got := w.read().Wanted.FloatingIP; got != sitetest.FloatingIP {
		t.Errorf("by the routes: %s", got)
	}
}
