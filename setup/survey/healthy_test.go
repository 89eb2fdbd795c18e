package survey_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/setup/survey"
	"releve.dev/releve/site"
)

const (
	roleID       = "4f1d5b0e-0000-4000-8000-000000000001"
	identityName = "releve-identity"
)

type object = map[string]any

// world is a site with high availability set up, its guests included, and who
// examines it.
type world struct {
	*sitetest.Site
	t      *testing.T
	client *account.Client
	names  survey.Names
	guests [2]*doctor.Guest

	frozen *doctor.Facts // of Azure, read once; nil: read each time

	judge     func(*doctor.Facts)  // what can't be planted into the emulator
	written   func(id string)      // after a request
	restarted func(service string) // after a guest's service
}

func healthy(t *testing.T, zones bool) *world {
	t.Helper()
	w := &world{Site: sitetest.New(t, zones), t: t}
	transport, err := account.Transport(w.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	if w.client, err = account.New(account.Config{Endpoint: w.Endpoint, Audience: "https://management.azure.com", Credential: w.Credential(), Transport: transport}); err != nil {
		t.Fatal(err)
	}
	w.names = survey.Names{Subscription: w.Subscription, Group: sitetest.Group, NetworkGroup: sitetest.NetworkGroup,
		Primary: sitetest.Primary, Secondary: sitetest.Secondary, FloatingIP: sitetest.FloatingIP}
	w.Place(w.identity(identityName), `{"location":"westeurope"}`)
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		w.Change(w.VMID(sitetest.VM(side)), func(vm object) {
			vm["identity"] = object{"type": "UserAssigned", "userAssignedIdentities": object{w.identity(identityName): object{}}}
		})
	}
	w.Change(w.LANNIC(site.Primary), func(nic object) {
		inner := nic["properties"].(object)
		inner["ipConfigurations"] = append(inner["ipConfigurations"].([]any), w.floating())
	})
	w.Change(w.RouteTableID(), func(table object) {
		for _, r := range table["properties"].(object)["routes"].([]any)[:2] {
			r.(object)["properties"].(object)["nextHopIpAddress"] = sitetest.FloatingIP.String()
		}
	})
	w.roles()
	for i := range w.guests {
		w.guests[i] = w.guest(i)
	}
	return w
}

func (w *world) identity(name string) string {
	return w.ID("Microsoft.ManagedIdentity/userAssignedIdentities", name)
}

func (w *world) floating() object {
	return object{"name": "releve-fip", "properties": object{"primary": false, "privateIPAddress": sitetest.FloatingIP.String(),
		"privateIPAllocationMethod": "Static", "subnet": object{"id": w.SubnetID(sitetest.LAN)}}}
}

// roles gives the identity exactly what it needs.
func (w *world) roles() {
	facts := w.read()
	needs := doctor.IdentityNeeds(facts)
	var actions []any
	for _, need := range needs {
		for _, action := range need.Actions {
			if !slices.Contains(actions, any(action)) {
				actions = append(actions, action)
			}
		}
	}
	definition := "/subscriptions/" + w.Subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + roleID
	w.place(definition, object{"properties": object{"roleName": "mover", "assignableScopes": []any{"/subscriptions/" + w.Subscription},
		"permissions": []any{object{"actions": actions, "notActions": []any{}}}}})
	principal := w.Get(w.identity(identityName))["properties"].(object)["principalId"]
	for i, need := range needs {
		w.place(w.assignment(need.Scope, i), object{"properties": object{"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}})
	}
}

func (w *world) assignment(scope string, i int) string {
	return fmt.Sprintf("%s/providers/Microsoft.Authorization/roleAssignments/4f1d5b0e-0000-4000-9000-%012d", scope, i)
}

func (w *world) place(id string, body object) {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Place(id, string(text))
}

// guest is what a healthy one says.
func (w *world) guest(i int) *doctor.Guest {
	sides := []site.Side{site.Primary, site.Secondary}
	own, peer := sides[i], sides[1-i]
	var zero float64
	g := &doctor.Guest{Side: own, Version: site.Release, SkewS: &zero,
		Status: &doctor.Status{Role: site.Standby, Ready: true, FIP: sitetest.FloatingIP, Heard: true},
		Config: doctor.Config{HA: true, FloatingIP: sitetest.FloatingIP, PeerLAN: sitetest.Addr(peer, sitetest.LAN), NIC: w.LANNIC(own), PeerNIC: w.LANNIC(peer),
			Subnet: w.SubnetID(sitetest.LAN), ClientID: w.clientID(identityName)},
		DNS:   []doctor.Resolver{{Server: netip.MustParseAddr("168.63.129.16"), OK: true, Default: true}, {Server: netip.MustParseAddr("1.1.1.1"), OK: true}},
		ARM:   doctor.Reach{Host: "management.azure.com", OK: true, By: "mgmt", MGMT: true},
		Paths: []doctor.Path{{To: "peer", By: "lan", MTU: 1500, Want: 1500}},
		Token: doctor.Token{OK: true, ClientID: w.clientID(identityName)},
	}
	for k, iface := range sitetest.Interfaces {
		own := netip.PrefixFrom(sitetest.Addr(own, iface), 24)
		g.Interfaces = append(g.Interfaces, doctor.Interface{Of: iface, Name: fmt.Sprintf("eth%d", k), Want: own, Have: []netip.Prefix{own}, Up: true, MTU: 1500})
	}
	if i == 0 {
		g.Status.Role, g.Status.Master = site.Active, true
		g.Interfaces[2].Have = append(g.Interfaces[2].Have, netip.PrefixFrom(sitetest.FloatingIP, 32))
	}
	return g
}

func (w *world) clientID(name string) string {
	return fmt.Sprint(w.Get(w.identity(name))["properties"].(object)["clientId"])
}

func (w *world) read() *doctor.Facts {
	w.t.Helper()
	facts, err := survey.Read(w.t.Context(), w.client, w.names)
	if err != nil {
		w.t.Fatal(err)
	}
	return facts
}

// examine is the whole: Azure's facts and the guests'.
func (w *world) examine() []doctor.Finding {
	w.t.Helper()
	facts := &doctor.Facts{}
	if w.frozen != nil {
		*facts = *w.frozen
	} else {
		facts = w.read()
	}
	facts.Guests = w.guests
	if w.judge != nil {
		w.judge(facts)
	}
	return doctor.Examine(facts)
}

// mend does what a remedy's data says; person plays who is asked to act.
func (w *world) mend(r doctor.Remedy, person func(*world)) {
	w.t.Helper()
	switch {
	case r.Request != nil:
		w.send(r.Request)
		if w.written != nil {
			w.written(r.Request.ID)
		}
	case r.Guest != nil:
		w.setGuest(r.Guest)
	case person == nil:
		w.t.Fatalf("nobody plays who shall: %s", r.Person)
	default:
		person(w)
	}
}

func (w *world) send(r *doctor.Request) {
	w.t.Helper()
	ctx := w.t.Context()
	var err error
	switch {
	case r.Method == "DELETE":
		err = w.client.Delete(ctx, r.ID)
	case r.Method == "POST":
		_, err = w.client.Post(ctx, r.ID, r.Body)
	case r.Body != nil:
		_, err = w.client.Put(ctx, r.ID, r.Body, "")
	default:
		is, etag, e := w.client.Get(ctx, r.ID)
		if e != nil {
			w.t.Fatal(e)
		}
		shall, e := r.Apply(is)
		if e != nil {
			w.t.Fatal(e)
		}
		_, err = w.client.Put(ctx, r.ID, document.Document(shall).Clone(), etag)
	}
	if err != nil {
		w.t.Fatalf("%s %s: %v", r.Method, r.ID, err)
	}
}

// setGuest is a guest that does as it is told.
func (w *world) setGuest(s *doctor.GuestSetting) {
	w.t.Helper()
	g := w.guests[s.Member]
	var iface *doctor.Interface
	for k := range g.Interfaces {
		if g.Interfaces[k].Name == s.Name {
			iface = &g.Interfaces[k]
		}
	}
	switch s.Kind {
	case doctor.Sysctl:
		g.NotForwarding = slices.DeleteFunc(g.NotForwarding, func(name string) bool { return name == s.Name && s.Value == "1" })
	case doctor.Address:
		iface.Have = append(iface.Have, netip.MustParsePrefix(s.Value))
	case doctor.DropAddress:
		iface.Have = slices.DeleteFunc(iface.Have, func(p netip.Prefix) bool { return p.String() == s.Value })
	case doctor.LinkMTU:
		fmt.Sscan(s.Value, &iface.MTU)
		g.Paths[0].MTU = iface.MTU
	case doctor.Setting:
		switch s.Name {
		case "ha.floating_ip":
			g.Config.FloatingIP = netip.MustParseAddr(s.Value)
		case "azure.peer_nic":
			var group, name string
			fields := strings.FieldsFunc(s.Value, func(r rune) bool { return strings.ContainsRune("{}:, ", r) })
			group, name = fields[1], fields[3]
			g.Config.PeerNIC = document.Resource(w.Subscription, group, "Microsoft.Network/networkInterfaces", name)
		case "azure.client_id":
			g.Config.ClientID, g.Token = s.Value, doctor.Token{OK: true}
		default:
			w.t.Fatalf("the guest has no setting %s", s.Name)
		}
	case doctor.Service:
		switch s.Name {
		case "systemd-timesyncd":
			g.SkewS = new(float64)
		case "releve-vsocket":
			g.Status = w.guest(s.Member).Status
		case "walinuxagent":
			w.restarted(s.Name)
		default:
			w.t.Fatalf("the guest has no service %s", s.Name)
		}
	}
}

func TestHealthySitesHaveNoFindings(t *testing.T) {
	for _, zones := range []bool{true, false} {
		w := healthy(t, zones)
		for _, f := range w.examine() {
			t.Errorf("zones %v: %s %s: %s (%s)", zones, f.Severity, f.Code, f.What, f.Where)
		}
	}
}
