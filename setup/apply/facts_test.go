package apply_test

import (
	"net/netip"
	"strings"
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

func clientOf(t *testing.T, s *sitetest.Site) *account.Client {
	t.Helper()
	transport, err := account.Transport(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := account.New(account.Config{Endpoint: s.Endpoint, Audience: "https://management.azure.com", Credential: s.Credential(), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// facts reads of the site what the steps of ha go by.
func facts(t *testing.T, s *sitetest.Site) *doctor.Facts {
	t.Helper()
	f := &doctor.Facts{Wanted: doctor.Wanted{Subscription: s.Subscription, Group: sitetest.Group, NetworkGroup: sitetest.NetworkGroup,
		VNet: sitetest.VNet, FloatingIP: sitetest.FloatingIP, Endpoint: "https://management.azure.com"}}
	f.VNet = doctor.VNet{ID: s.VNetID(), Found: true}
	for i, side := range []site.Side{site.Primary, site.Secondary} {
		f.Members[i] = member(s, side)
	}
	table := document.Document(s.Get(s.RouteTableID()))
	rt := doctor.RouteTable{ID: s.RouteTableID(), Name: table.Text("name"), Tags: tags(table)}
	for _, r := range table.Objects("properties", "routes") {
		hop, _ := netip.ParseAddr(r.Text("properties", "nextHopIpAddress"))
		rt.Routes = append(rt.Routes, doctor.Route{Name: r.Text("name"), HopType: r.Text("properties", "nextHopType"), Hop: hop})
	}
	f.RouteTables = []doctor.RouteTable{rt}
	id := s.ID("Microsoft.ManagedIdentity/userAssignedIdentities", "releve-"+sitetest.Primary)
	if d := document.Document(s.Get(id)); d != nil {
		identity := doctor.Identity{ID: id, Found: true, PrincipalID: d.Text("properties", "principalId")}
		list := document.Document(s.Get("/subscriptions/" + s.Subscription + "/providers/Microsoft.Authorization/roleAssignments"))
		for _, a := range list.Objects("value") {
			if strings.EqualFold(a.Text("properties", "principalId"), identity.PrincipalID) {
				identity.Assignments = append(identity.Assignments, doctor.Assignment{ID: a.Text("id"), Scope: a.Text("properties", "scope")})
			}
		}
		f.Identities = append(f.Identities, identity)
	}
	return f
}

func member(s *sitetest.Site, side site.Side) doctor.Member {
	m := doctor.Member{Side: side}
	vm := document.Document(s.Get(s.VMID(sitetest.VM(side))))
	m.VM = doctor.VM{ID: s.VMID(sitetest.VM(side)), Name: sitetest.VM(side), Location: sitetest.Location, Found: true, Tags: tags(vm), Power: "running"}
	if e := document.Document(s.Get(m.VM.ID + "/extensions/releve-ha")); e != nil {
		m.VM.Extensions = append(m.VM.Extensions, doctor.Extension{ID: e.Text("id"), Name: e.Text("name"), State: e.Text("properties", "provisioningState"), Tags: tags(e)})
	}
	for iface, nic := range map[string]**doctor.NIC{sitetest.MGMT: &m.MGMT, sitetest.WAN: &m.WAN, sitetest.LAN: &m.LAN} {
		*nic = nicFacts(s, sitetest.VM(side), iface)
	}
	return m
}

func nicFacts(s *sitetest.Site, vm, iface string) *doctor.NIC {
	d := document.Document(s.Get(s.NICID(vm, iface)))
	n := &doctor.NIC{ID: s.NICID(vm, iface), Name: d.Text("name"), NSG: d.Text("properties", "networkSecurityGroup", "id"), Tags: tags(d)}
	for _, c := range d.Objects("properties", "ipConfigurations") {
		addr, _ := netip.ParseAddr(c.Text("properties", "privateIPAddress"))
		config := doctor.IPConfig{Name: c.Text("name"), Primary: c.Bool("properties", "primary"), Addr: addr, Subnet: c.Text("properties", "subnet", "id")}
		for _, g := range c.Objects("properties", "applicationSecurityGroups") {
			config.ASGs = append(config.ASGs, g.Text("id"))
		}
		n.Configs = append(n.Configs, config)
	}
	return n
}

func tags(d document.Document) map[string]string {
	list := map[string]string{}
	for name := range d.Object("tags") {
		list[name] = d.Text("tags", name)
	}
	return list
}
