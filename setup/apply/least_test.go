package apply_test

import (
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// D12: what ha gives the identity suffices to write both LAN NICs as they are and
// to see both VMs, and for nothing else.
func TestTheIdentityMayMoveTheFloatingIPAndNothingElse(t *testing.T) {
	s := sitetest.New(t, true)
	mustRun(t, s, ha(t, s))
	identity := document.Document(s.Get(plan.IdentityID(facts(t, s))))
	me := store.Principal{ObjectID: identity.Text("properties", "principalId"), ClientID: identity.Text("properties", "clientId"), Name: "identity"}
	ask := func(method, id string, body []byte) (answer store.Response) {
		s.Server.With(func(now time.Duration, st *store.Store) {
			answer = st.Handle(now, store.Request{Method: method, Path: id + "?api-version=2024-05-01", Principal: me, Body: body})
		})
		return answer
	}
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		nic, vm := s.LANNIC(side), s.VMID(sitetest.VM(side))
		is := ask("GET", nic, nil)
		if put := ask("PUT", nic, is.Body); is.Status != 200 || put.Status != 200 {
			t.Errorf("%s's LAN NIC: GET %d, PUT %d %s", side, is.Status, put.Status, put.Body)
		}
		if got := ask("GET", vm, nil); got.Status != 200 {
			t.Errorf("%s's VM: GET %d %s", side, got.Status, got.Body)
		}
		for what, got := range map[string]store.Response{
			"PUT of the WAN NIC": ask("PUT", s.NICID(sitetest.VM(side), sitetest.WAN), is.Body), "PUT of the VM": ask("PUT", vm, is.Body),
			"DELETE of the LAN NIC": ask("DELETE", nic, nil), "GET of the route table": ask("GET", s.RouteTableID(), nil), "GET of the VNet": ask("GET", s.VNetID(), nil),
		} {
			if got.Status != 403 {
				t.Errorf("%s (%s): %d %s", what, side, got.Status, got.Body)
			}
		}
	}
}
