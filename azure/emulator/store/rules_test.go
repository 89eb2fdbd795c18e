package store_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

// identity is the managed identity as it calls from the primary's VM.
func (b *bench) identity() store.Principal {
	list, ok := b.s.Identities(vmP)
	if !ok || len(list) != 1 {
		b.t.Fatalf("identities %v", list)
	}
	return store.Principal{ObjectID: list[0].PrincipalID, ClientID: list[0].ClientID, Name: list[0].Name, Client: "primary"}
}

var grants = 0

// grant gives the identity a custom role of these actions at a scope.
func (b *bench) grant(scope string, actions ...string) (assignment string) {
	grants++
	role := fmt.Sprintf("%s/providers/Microsoft.Authorization/roleDefinitions/00000000-0000-0000-0000-%012d", sub, grants)
	for path, body := range map[string]string{
		role: `{"properties":{"roleName":"r` + fmt.Sprint(grants) + `","assignableScopes":["` + sub + `"],"permissions":[{"actions":["` + strings.Join(actions, `","`) + `"],"notActions":[]}]}}`,
	} {
		if err := b.s.Place(b.now, path, body); err != nil {
			b.t.Fatal(err)
		}
	}
	assignment = fmt.Sprintf("%s/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0001-%012d", scope, grants)
	if err := b.s.Place(b.now, assignment, `{"properties":{"roleDefinitionId":"`+role+`","principalId":"`+b.identity().ObjectID+`"}}`); err != nil {
		b.t.Fatal(err)
	}
	return assignment
}

// TestLeastPrivilege (C4): the actions of azure.md's table suffice, and each
// that is missing is named.
func TestLeastPrivilege(t *testing.T) {
	b := newBench(t, store.Options{})
	me := b.identity()
	body := nicBody("10.102.2.10", fip)
	refused := func(method, code, text string) {
		t.Helper()
		answer := b.as(me, method, nicP, "", body)
		want(t, answer, 403, code)
		if message := tree.Text(b.object(answer), "error", "message"); message != text {
			t.Fatalf("message %q\nwant    %q", message, text)
		}
	}
	refused("GET", "AuthorizationFailed", "The client '"+me.ClientID+"' with object id '"+me.ObjectID+"' does not have authorization to perform action 'Microsoft.Network/networkInterfaces/read' over scope '"+nicP+"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
	role := b.grant(nicP, "Microsoft.Network/networkInterfaces/read", "Microsoft.Network/networkInterfaces/write")
	want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	want(t, b.as(me, "GET", nicS, "", ""), 403, "AuthorizationFailed")
	linked := func(action, scope string) {
		t.Helper()
		refused("PUT", "LinkedAuthorizationFailed", "The client '"+me.ClientID+"' with object id '"+me.ObjectID+"' has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '"+nicP+"'; however, it does not have permission to perform action '"+action+"' on the linked scope(s) '"+scope+"' or the linked scope(s) are invalid.")
	}
	linked("Microsoft.Network/networkSecurityGroups/join/action", nsg)
	b.grant(nsg, "Microsoft.Network/networkSecurityGroups/join/action")
	linked("Microsoft.Network/virtualNetworks/subnets/join/action", lan)
	b.grant(lan, "Microsoft.Network/virtualNetworks/subnets/join/action")
	linked("Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action", asg)
	b.grant(asg, "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action")
	put := b.as(me, "PUT", nicP, "", body)
	want(t, put, 200, "")
	want(t, b.as(me, "GET", strings.TrimPrefix(put.Get("Azure-AsyncOperation"), "https://management.azure.com"), "", ""), 200, "")
	permissions := b.as(me, "GET", nicP+"/providers/Microsoft.Authorization/permissions", "", "")
	if !strings.Contains(string(permissions.Body), "Microsoft.Network/networkInterfaces/write") || strings.Contains(string(permissions.Body), "join/action") {
		t.Fatalf("permissions %s", permissions.Body)
	}
	want(t, b.do("DELETE", role, "", ""), 200, "")
	want(t, b.as(me, "GET", nicP, "", ""), 403, "AuthorizationFailed")
}

// TestInheritance: a role at a group holds below it; notActions subtract.
func TestInheritance(t *testing.T) {
	b := newBench(t, store.Options{})
	me := b.identity()
	path := site + "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0002-000000000001"
	if err := b.s.Place(0, path, `{"properties":{"roleDefinitionId":"`+sub+`/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c","principalId":"`+me.ObjectID+`"}}`); err != nil {
		t.Fatal(err)
	}
	want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	want(t, b.as(me, "GET", lan, "", ""), 403, "AuthorizationFailed")
	want(t, b.as(me, "PUT", path, "", "{}"), 403, "AuthorizationFailed")
	want(t, b.as(me, "DELETE", path, "", ""), 403, "AuthorizationFailed")
}

// TestThrottling: a bucket of reads that refills, its headers, and the record
// of who didn't wait.
func TestThrottling(t *testing.T) {
	b := newBench(t, store.Options{})
	me := b.identity()
	b.grant(nicP, "Microsoft.Network/networkInterfaces/read")
	first := b.as(me, "GET", nicP, "", "")
	if got := first.Get("x-ms-ratelimit-remaining-subscription-reads"); got != "249" {
		t.Fatalf("remaining %q", got)
	}
	for range 249 {
		want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	}
	refused := b.as(me, "GET", nicP, "", "")
	want(t, refused, 429, "SubscriptionRequestsThrottled")
	if refused.Get("Retry-After") != "1" {
		t.Fatalf("headers %v", refused.Header)
	}
	if n := len(b.s.Violations()); n != 0 {
		t.Fatalf("%d violations before the refusal", n)
	}
	b.pass(200 * time.Millisecond)
	b.as(me, "GET", nicP, "", "")
	if list := b.s.Violations(); len(list) != 1 || list[0].Client != "primary" || list[0].Allowed != time.Second {
		t.Fatalf("violations %+v", list)
	}
	b.pass(800 * time.Millisecond)
	want(t, b.as(me, "GET", nicP, "", ""), 200, "")
	if n := len(b.s.Violations()); n != 1 {
		t.Fatalf("%d violations after waiting", n)
	}
	want(t, b.do("GET", nicP, "", ""), 200, "")
}

// TestTimesOfAWrite: the data plane follows before or at the operation's end,
// within the profile's bounds, and the log tells when (B4).
func TestTimesOfAWrite(t *testing.T) {
	for _, c := range []struct {
		p        profile.Profile
		min, max time.Duration
	}{
		{profile.Instant, 0, 10 * time.Millisecond},
		{profile.Fast, 2 * time.Second, 4 * time.Second},
		{profile.Classic, 30 * time.Second, 60 * time.Second},
		{profile.Slow, 60 * time.Second, 120 * time.Second},
	} {
		for seed := range uint64(20) {
			b := newBench(t, store.Options{Profile: c.p, Seed: seed})
			b.pass(time.Hour)
			want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", "")), 200, "")
			for at, more := b.s.Next(); more; at, more = b.s.Next() {
				b.pass(at - b.now)
			}
			ops := b.s.Operations()
			op := ops[len(ops)-1]
			took := op.Done - op.Accepted
			if took < c.min || took > c.max || op.Removed < op.Accepted || op.Removed > op.Done || op.Applied > op.Done || op.Status != "Succeeded" {
				t.Fatalf("%s: %+v took %s", c.p.Name, op, took)
			}
			if len(op.Dropped) != 1 || op.Dropped[0] != netip.MustParseAddr(fip) || len(op.Added) != 0 {
				t.Fatalf("%+v", op)
			}
		}
	}
}

// TestDeterminism: the same seed and calls give the same bytes.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64) string {
		b := newBench(t, store.Options{Profile: profile.Classic, Seed: seed})
		var all strings.Builder
		for i := range 20 {
			floating := ""
			if i%2 == 0 {
				floating = fip
			}
			answer := b.do("PUT", nicP, "", nicBody("10.102.2.10", floating))
			fmt.Fprintln(&all, answer.Delay, answer.Header, string(answer.Body))
			b.pass(7 * time.Second)
		}
		data, err := b.s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return all.String() + string(data)
	}
	first, second := run(3), run(3)
	if first != second {
		t.Fatal("two runs of one seed differ")
	}
	if first == run(4) {
		t.Fatal("two seeds give the same")
	}
}

// TestSnapshot: a store restored in the middle of a move goes on as the
// original does.
func TestSnapshot(t *testing.T) {
	for _, wait := range []time.Duration{0, 10 * time.Second, 25 * time.Second, 40 * time.Second, 2 * time.Minute} {
		b := newBench(t, store.Options{Profile: profile.Classic, Seed: 5})
		b.pass(time.Hour)
		want(t, b.do("PUT", nicP, "", nicBody("10.102.2.10", "")), 200, "")
		b.pass(wait)
		data, err := b.s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		other, err := store.Restore(data, 5*time.Second, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c := &bench{t: t, s: other, now: 5 * time.Second}
		for range 70 {
			if b.holds(nicP, fip) != c.holds(nicP, fip) {
				t.Fatalf("after %s: the data planes differ", wait)
			}
			x, y := b.do("GET", nicP, "", ""), c.do("GET", nicP, "", "")
			if string(x.Body) != string(y.Body) {
				t.Fatalf("after %s:\n%s\n%s", wait, x.Body, y.Body)
			}
			b.pass(time.Second)
			c.pass(time.Second)
		}
		want(t, c.do("PUT", nicS, "", nicBody("10.102.2.11", fip)), 200, "")
	}
}

func planeNIC(t *testing.T, b *bench, id string) plane.NIC {
	t.Helper()
	for _, n := range b.s.Plane().NICs {
		if n.ID == strings.ToLower(id) {
			return n
		}
	}
	t.Fatalf("no NIC %s", id)
	return plane.NIC{}
}

// TestEffectiveRoutes (A3, azure.md section 5): user routes over system ones,
// most specific first.
func TestEffectiveRoutes(t *testing.T) {
	b := newBench(t, store.Options{})
	table := network + "/providers/Microsoft.Network/routeTables/to-cloud"
	want(t, b.do("PUT", table, "", `{"location":"westeurope","properties":{"routes":[{"name":"all","properties":{"addressPrefix":"0.0.0.0/0","nextHopType":"VirtualAppliance","nextHopIpAddress":"`+fip+`"}}]}}`), 201, "")
	b.pass(time.Second)
	work := network + "/providers/Microsoft.Network/virtualNetworks/vnet/subnets/work"
	want(t, b.do("PUT", work, "", `{"properties":{"addressPrefix":"10.102.4.0/24","routeTable":{"id":"`+table+`"}}}`), 200, "")
	b.pass(time.Second)
	host := site + "/providers/Microsoft.Network/networkInterfaces/vm1"
	want(t, b.do("PUT", host, "", strings.ReplaceAll(nicOf(config("c", "10.102.4.4", "")), "/subnets/lan", "/subnets/work")), 201, "")
	b.pass(time.Second)
	n := planeNIC(t, b, host)
	var got []string
	for _, r := range n.Routes {
		got = append(got, fmt.Sprint(r.Prefix, " ", r.Hop, " ", r.Via, " ", r.User))
	}
	const text = `10.102.0.0/16 0 invalid IP false, 192.168.0.0/16 3 invalid IP false, 172.16.0.0/12 3 invalid IP false, 100.64.0.0/10 3 invalid IP false, 10.0.0.0/8 3 invalid IP false, 0.0.0.0/0 2 10.102.2.200 true, 0.0.0.0/0 1 invalid IP false`
	if strings.Join(got, ", ") != text {
		t.Fatalf("routes %s", strings.Join(got, ", "))
	}
	// One route rewritten: the UDR way of steering.
	want(t, b.do("PUT", table+"/routes/all", "", `{"properties":{"addressPrefix":"0.0.0.0/0","nextHopType":"VirtualAppliance","nextHopIpAddress":"10.102.2.11"}}`), 200, "")
	b.pass(time.Second)
	if via := planeNIC(t, b, host).Routes[5].Via; via != netip.MustParseAddr("10.102.2.11") {
		t.Fatalf("via %s", via)
	}
}

// TestEffectiveRules: the tags are prefixes, the groups addresses, Azure's
// rules last; a rule that matches nothing here is left out.
func TestEffectiveRules(t *testing.T) {
	b := newBench(t, store.Options{})
	rule := func(name, priority, src string) string {
		return `{"name":"` + name + `","properties":{"priority":` + priority + `,"direction":"Inbound","access":"Allow","protocol":"Udp",` + src + `,"sourcePortRange":"*","destinationAddressPrefix":"*","destinationPortRanges":["20480","1000-2000"]}}`
	}
	want(t, b.do("PUT", nsg, "", `{"location":"westeurope","properties":{"securityRules":[`+
		rule("edges", "200", `"sourceApplicationSecurityGroups":[{"id":"`+asg+`"}]`)+`,`+
		rule("net", "100", `"sourceAddressPrefix":"VirtualNetwork"`)+`,`+
		rule("unknown", "300", `"sourceAddressPrefix":"AzureCloud"`)+`]}}`), 200, "")
	b.pass(time.Second)
	n := planeNIC(t, b, nicP)
	if len(n.Inbound) != 1 {
		t.Fatalf("%d groups", len(n.Inbound))
	}
	var got []string
	for _, r := range n.Inbound[0].Rules {
		got = append(got, fmt.Sprint(r.Name, " ", r.Priority, " ", r.Allow, " ", r.Proto, " ", r.Src, " ", r.DstPorts))
	}
	const text = `net 100 true 17 [10.102.0.0/16 168.63.129.16/32] [{20480 20480} {1000 2000}]
edges 200 true 17 [10.102.2.10/32 10.102.2.11/32] [{20480 20480} {1000 2000}]
AllowVnetInBound 65000 true 0 [10.102.0.0/16 168.63.129.16/32] []
AllowAzureLoadBalancerInBound 65001 true 0 [168.63.129.16/32] []
DenyAllInBound 65500 false 0 [] []`
	if strings.Join(got, "\n") != text {
		t.Fatalf("rules\n%s", strings.Join(got, "\n"))
	}
	internet := n.Outbound[0].Rules[1]
	for addr, in := range map[string]bool{"203.0.113.10": true, "8.8.8.8": true, "10.1.1.1": false, "10.102.2.10": false, "192.168.1.1": false, "168.63.129.16": false} {
		matches := false
		for _, p := range internet.Dst {
			matches = matches || p.Contains(netip.MustParseAddr(addr))
		}
		if matches != in {
			t.Errorf("Internet has %s: %t", addr, matches)
		}
	}
}

// TestPublicAddress is one to one, and one a configuration.
func TestPublicAddress(t *testing.T) {
	b := newBench(t, store.Options{})
	pip := site + "/providers/Microsoft.Network/publicIPAddresses/wan"
	want(t, b.do("PUT", pip, "", `{"location":"westeurope","sku":{"name":"Standard"}}`), 201, "")
	b.pass(time.Second)
	with := func(own string) string {
		return nicOf(config("ipconfig1", own, `,"primary":true,"publicIPAddress":{"id":"`+pip+`"}`))
	}
	want(t, b.do("PUT", nicP, "", with("10.102.2.10")), 200, "")
	want(t, b.do("PUT", nicS, "", with("10.102.2.11")), 400, "PublicIPAddressInUse")
	b.pass(time.Second)
	if public := planeNIC(t, b, nicP).Public[netip.MustParseAddr("10.102.2.10")]; public != netip.MustParseAddr("198.51.100.1") {
		t.Fatalf("public %s", public)
	}
	want(t, b.do("DELETE", pip, "", ""), 400, "PublicIPAddressCannotBeDeleted")
}

// TestPower: a stopped VM is seen in the instance view alone; its NIC keeps
// its addresses.
func TestPower(t *testing.T) {
	b := newBench(t, store.Options{})
	code := func() string {
		view := b.object(b.do("GET", vmP+"?$expand=instanceView&api-version=2024-07-01", "", ""))
		return tree.Text(tree.Objects(view, "properties", "instanceView", "statuses")[1], "code")
	}
	if got := code(); got != "PowerState/running" {
		t.Fatal(got)
	}
	want(t, b.do("POST", vmP+"/deallocate", "", ""), 202, "")
	b.pass(time.Second)
	if got := code(); got != "PowerState/deallocated" || !b.holds(nicP, fip) {
		t.Fatal(got)
	}
	if !b.s.SetPower(vmP, store.PowerRunning) || code() != "PowerState/running" {
		t.Fatal(code())
	}
}

// TestOtherKinds: a type that the emulator doesn't know is kept as it comes.
func TestOtherKinds(t *testing.T) {
	b := newBench(t, store.Options{})
	path := site + "/providers/Microsoft.Compute/galleries/edge"
	want(t, b.do("PUT", path, "", `{"location":"westeurope","properties":{"hyperVGeneration":"V2"}}`), 201, "")
	answer := b.do("GET", path, "", "")
	want(t, answer, 200, "")
	if got := tree.Text(b.object(answer), "properties", "hyperVGeneration"); got != "V2" {
		t.Fatal(got)
	}
	list := b.object(b.do("GET", site+"/providers/Microsoft.Compute/galleries", "", ""))
	if n := len(tree.Objects(list, "value")); n != 1 {
		t.Fatalf("%d galleries", n)
	}
	want(t, b.do("DELETE", path, "", ""), 200, "")
	want(t, b.do("GET", path, "", ""), 404, "ResourceNotFound")
	want(t, b.do("GET", site+"/providers/Contoso.Net/things/x", "", ""), 404, "InvalidResourceNamespace")
	want(t, b.do("GET", strings.Replace(path, "rg-site", "rg-none", 1), "", ""), 404, "ResourceGroupNotFound")
	want(t, b.s.Handle(0, store.Request{Method: "GET", Path: path, Principal: store.Admin()}), 400, "MissingApiVersionParameter")
	want(t, b.s.Handle(0, store.Request{Method: "GET", Path: path + "?api-version=1"}), 401, "AuthenticationFailed")
}

// TestPatchTags replaces the tags and nothing else.
func TestPatchTags(t *testing.T) {
	b := newBench(t, store.Options{})
	want(t, b.do("PATCH", nicP, "", `{"tags":{"releve-claim":"8/secondary"}}`), 200, "")
	o := b.object(b.do("GET", nicP, "", ""))
	if tree.Text(o, "tags", "releve-claim") != "8/secondary" || tree.Text(o, "tags", "owner") != "" || tree.Text(o, "properties", "networkSecurityGroup", "id") != nsg {
		t.Fatalf("%v", o)
	}
}
