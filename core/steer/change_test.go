package steer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/site"
)

var next = netip.MustParseAddr("10.102.2.201")

const (
	aNetwork = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"
	aTable   = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/routeTables/T"
)

// cloud answers a bench's calls at once, as Azure would that takes no time.
type cloud struct {
	*bench
	etags  map[Target]int
	nics   map[Target][]string // the IP configurations, as JSON
	claims map[Target]string
	hops   []string // of the table's routes; each is named by its place
	state  string   // of the table
	refuse func(Request) *Response
	log    []string // the writes
	guest  []netip.Addr
}

// newCloud has the floating IP on the own NIC of an active, or on the peer's.
func newCloud(t *testing.T, at Target, known string) *cloud {
	b := knowing(t, site.Primary, known)
	b.m = New(Config{Side: site.Primary, FloatingIP: fip, ConfigName: "releve-fip", SubnetID: aNetwork + "/subnets/lan", Known: known})
	c := &cloud{bench: b, etags: map[Target]int{}, nics: map[Target][]string{OwnNIC: {configOf("10.102.2.10")}, PeerNIC: {configOf("10.102.2.11")}},
		claims: map[Target]string{}, hops: []string{fip.String(), fip.String(), "10.9.9.9"}, state: "Succeeded"}
	c.nics[at] = append(c.nics[at], configOf(fip.String()))
	return c
}

func configOf(addr string) string {
	return `{"name":"c` + addr + `","properties":{"privateIPAddress":"` + addr + `","subnet":{"id":"` + aNetwork + `/subnets/lan"}}}`
}

// hold makes the machine the active.
func (c *cloud) hold(term site.Term) *cloud {
	claim := aClaim
	claim.Term = term
	c.take(c.m.SetGoal(c.now, ha.Goal{Mode: ha.Hold, Claim: claim}))
	return c
}

func (c *cloud) configure(change Change) *cloud {
	c.take(c.m.Configure(c.now, next, change))
	return c
}

func (c *cloud) take(actions []Action) {
	for _, action := range actions {
		if g, is := action.(Guest); is {
			c.guest = g.Addresses
		}
	}
	c.file(actions)
}

// run lets time pass, and answers what is asked.
func (c *cloud) run(d time.Duration) *cloud {
	c.t.Helper()
	end := c.now + d
	for steps := 0; ; steps++ {
		if steps > 5000 {
			c.t.Fatal("the machine asks without end")
		}
		if len(c.calls) > 0 {
			call := c.calls[0]
			c.calls = c.calls[1:]
			response := c.answers(call)
			response.ID, response.SentAt = call.ID, c.now
			c.take(c.m.Answer(c.now, response))
			continue
		}
		if c.m.Next() > end {
			c.now = end
			return c
		}
		c.now = max(c.now, c.m.Next())
		c.take(c.m.Tick(c.now))
	}
}

func (c *cloud) answers(call Request) *Response {
	if c.refuse != nil {
		if r := c.refuse(call); r != nil {
			return r
		}
	}
	if call.Op == Put {
		if call.IfMatch != c.tag(call.Target) {
			return &Response{Status: 412, Code: "PreconditionFailed"}
		}
		c.write(call)
	}
	return &Response{Status: 200, Body: c.body(call)}
}

// tag is a resource's ETag. A route has its table's.
func (c *cloud) tag(t Target) string {
	if t == Route {
		t = RouteTable
	}
	return fmt.Sprint("W/", t, c.etags[t])
}

// body is a resource as it is.
func (c *cloud) body(call Request) []byte {
	switch call.Target {
	case OwnNIC, PeerNIC:
		return fmt.Appendf(nil, `{"etag":%q,"tags":{"releve-claim":%q},"properties":{"provisioningState":"Succeeded","ipConfigurations":[%s]}}`,
			c.tag(call.Target), c.claims[call.Target], strings.Join(c.nics[call.Target], ","))
	case Network:
		if call.Name != aNetwork {
			c.t.Fatalf("asks for the network %s", call.Name)
		}
		return []byte(`{"properties":{"subnets":[{"name":"a","properties":{}},{"name":"b","properties":{"routeTable":{"id":"` + aTable + `"}}},{"name":"c","properties":{"RouteTable":{"ID":"` + strings.ToUpper(aTable) + `"}}}]}}`)
	}
	var routes []string
	for i, hop := range c.hops {
		routes = append(routes, fmt.Sprintf(`{"name":"%d","etag":%q,"future":[1.50],"properties":{"addressPrefix":"10.%d.0.0/16","nextHopType":"VirtualAppliance","nextHopIpAddress":%q,"x":null}}`, i, c.tag(Route), i, hop))
	}
	return fmt.Appendf(nil, `{"etag":%q,"properties":{"provisioningState":%q,"routes":[%s]}}`, c.tag(Route), c.state, strings.Join(routes, ","))
}

func (c *cloud) write(call Request) {
	if call.Target == Route {
		c.etags[RouteTable]++
		place, is := strings.CutPrefix(call.Name, aTable+"/routes/")
		var route struct {
			Future     []json.Number
			Properties struct{ NextHopIPAddress, AddressPrefix string }
		}
		if err := json.Unmarshal(call.Body, &route); err != nil || !is || len(route.Future) != 1 || route.Properties.AddressPrefix != "10."+place+".0.0/16" {
			c.t.Fatalf("%s is written as %s (%v)", call.Name, call.Body, err)
		}
		c.hops[int(place[0]-'0')] = route.Properties.NextHopIPAddress
		c.log = append(c.log, "route "+place)
		return
	}
	c.etags[call.Target]++
	var nic struct {
		Tags       map[string]string
		Properties struct{ IPConfigurations []json.RawMessage }
	}
	if err := json.Unmarshal(call.Body, &nic); err != nil {
		c.t.Fatal(err)
	}
	c.claims[call.Target], c.nics[call.Target] = nic.Tags[site.ClaimTag], nil
	for _, config := range nic.Properties.IPConfigurations {
		c.nics[call.Target] = append(c.nics[call.Target], string(config))
	}
	c.log = append(c.log, fmt.Sprintf("%s: %s", call.Target, c.on(call.Target)))
}

// on are the last numbers of the floating IPs on a NIC.
func (c *cloud) on(t Target) string {
	var list []string
	for _, addr := range []netip.Addr{fip, next} {
		if slices.ContainsFunc(c.nics[t], func(config string) bool { return strings.Contains(config, `"`+addr.String()+`"`) }) {
			list = append(list, strings.TrimPrefix(addr.String(), "10.102.2."))
		}
	}
	return strings.Join(list, "+")
}

// wrote compares the writes since it was asked last.
func (c *cloud) wrote(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.log, want) {
		c.t.Fatalf("wrote\n  %s\nwant\n  %s\n%s", strings.Join(c.log, "\n  "), strings.Join(want, "\n  "), strings.Join(c.notes, "\n"))
	}
	c.log = nil
}

func (c *cloud) step(want Step) {
	c.t.Helper()
	if s := c.m.Status(); s.Step != want {
		c.t.Fatalf("%+v, want step %s", s, want)
	}
}

// active has served the floating IP for long.
func active(t *testing.T) *cloud {
	c := newCloud(t, OwnNIC, "").hold(7).run(10 * time.Minute)
	c.wrote("peer NIC: ", "own NIC: 200")
	return c
}

func refusing(target Target, op Op, code string) func(Request) *Response {
	return func(call Request) *Response {
		if call.Target != target || call.Op != op {
			return nil
		}
		status := 403
		if code != "AuthorizationFailed" {
			status = 400
		}
		return &Response{Status: status, Code: code, Action: "an action", Scope: "a scope"}
	}
}

var former = Change{Former: []netip.Addr{fip}}

// R14: add the new one, move the routes, remove the old one when none has named it
// for a while. The guest has what the NIC has.
func TestAFloatingIPIsChangedR14(t *testing.T) {
	c := active(t)
	c.configure(former).run(time.Second / 2)
	c.wrote("own NIC: 200+201", "route 0")
	if !slices.Equal(c.guest, []netip.Addr{next, fip}) { // before the first route
		t.Errorf("the guest has %v", c.guest)
	}
	c.run(linger)
	c.wrote("route 1")
	c.step(Routes)
	c.run(5 * time.Second)
	c.wrote("own NIC: 201")
	c.step(Done)
	if want := []string{next.String(), next.String(), "10.9.9.9"}; !slices.Equal(c.hops, want) {
		t.Errorf("routes lead to %v", c.hops)
	}
	if !slices.Equal(c.guest, []netip.Addr{next}) {
		t.Errorf("the guest has %v", c.guest)
	}
	c.run(time.Hour)
	c.configure(Change{}).run(time.Hour)
	c.step(NoChange)
	c.wrote()
}

// Where the identity may not write the table, a person is told what to change, and
// what follows needs no further word.
func TestAPersonChangesTheRoutes(t *testing.T) {
	c := active(t)
	c.refuse = refusing(Route, Put, "AuthorizationFailed")
	c.configure(former).run(time.Hour)
	c.wrote("own NIC: 200+201")
	s := c.m.Status()
	if s.Step != Routes || len(s.Entries) != 2 || s.Entries[1] != (Entry{aTable, "1", "10.1.0.0/16", fip}) || len(s.Denied) != 1 || len(s.Unread) != 0 {
		t.Fatalf("%+v", s)
	}
	c.hops[0] = next.String()
	c.run(routePace)
	if s := c.m.Status(); len(s.Entries) != 1 || s.Entries[0].Route != "1" {
		t.Fatalf("%+v", s)
	}
	c.hops[1] = "10.9.9.9"
	c.run(routePace + linger - time.Second)
	c.wrote()
	c.run(2 * time.Second)
	c.wrote("own NIC: 201")
	c.step(Done)
}

// Where it may not even read, the person's word counts; until then the former one
// stays.
func TestAPersonsWord(t *testing.T) {
	for _, target := range []Target{Network, RouteTable} {
		c := active(t)
		c.refuse = refusing(target, Get, "AuthorizationFailed")
		c.configure(former).run(time.Hour)
		c.wrote("own NIC: 200+201")
		if s := c.m.Status(); s.Step != Routes || len(s.Unread) != 1 || len(s.Former) != 1 {
			t.Fatalf("%+v", s)
		}
		c.configure(Change{Former: former.Former, Moved: true}).run(time.Minute)
		c.wrote("own NIC: 201")
		c.step(Done)
	}
}

// Tables that the settings list are enough where the network may not be read.
func TestListedTables(t *testing.T) {
	c := active(t)
	c.m.cfg.Tables = []string{aTable}
	c.refuse = refusing(Network, Get, "AuthorizationFailed")
	c.configure(former).run(2 * time.Minute)
	c.wrote("own NIC: 200+201", "route 0", "route 1", "own NIC: 201")
}

// What Azure refuses to a change holds up nothing else.
func TestARefusedAddress(t *testing.T) {
	c := active(t)
	c.refuse = refusing(OwnNIC, Put, "PrivateIPAddressNotInSubnet")
	asked, told := c.m.nextID, len(c.told)
	c.configure(former).run(time.Hour)
	c.wrote()
	s := c.m.Status()
	if s.Step != Adds || !strings.Contains(s.Problem, "PrivateIPAddressNotInSubnet") {
		t.Errorf("%+v", s)
	}
	for _, told := range c.told[told:] {
		if told == (ha.Steered{Mine: true}) {
			t.Errorf("the floating IP is no longer where it belongs: %v", told)
		}
	}
	if n := c.m.nextID - asked; n > 60*6 {
		t.Errorf("%d calls in an hour", n)
	}
	c.refuse = nil
	c.run(3 * time.Minute)
	c.step(Done)
}

// A standby writes nothing. Who takes over moves what is there, all of it and
// nothing new, and goes on from there.
func TestATakeoverMovesBoth(t *testing.T) {
	c := newCloud(t, PeerNIC, "")
	c.take(c.m.SetGoal(c.now, ha.Goal{Mode: ha.Watch}))
	c.run(time.Minute)
	c.configure(former).run(time.Hour)
	c.wrote()
	c.nics[PeerNIC] = append(c.nics[PeerNIC], configOf(next.String()))
	c.refuse = refusing(Network, Get, "AuthorizationFailed")
	c.hold(8).run(time.Minute)
	c.wrote("peer NIC: ", "own NIC: 200+201")

	c = newCloud(t, PeerNIC, "")
	c.configure(former).run(time.Minute)
	c.hold(8).run(changePace)
	c.wrote("peer NIC: ", "own NIC: 200", "own NIC: 200+201", "route 0", "route 1")
}

// Killed between taking them off and putting them on: the next boot puts on what
// was there, and without a memory all that it is told of.
func TestAMoveIsCompletedAfterAKill(t *testing.T) {
	both := remember([]Floating{{Addr: next, Config: json.RawMessage(configOf(next.String()))}, {Addr: fip, Config: json.RawMessage(configOf(fip.String()))}})
	for _, k := range []struct {
		known, first string
		change       Change
	}{
		{both, "200+201", former},
		{configOf(fip.String()), "200", former},
		{configOf(next.String()), "201", former},
		{"", "200+201", former},
		{both, "201", Change{Former: former.Former, Moved: true}},
		{configOf(fip.String()), "201", Change{Former: former.Former, Moved: true}},
	} {
		c := newCloud(t, PeerNIC, "")
		c.nics[PeerNIC] = c.nics[PeerNIC][:1]
		c.refuse = refusing(Network, Get, "AuthorizationFailed")
		c.m = New(Config{Side: site.Primary, FloatingIP: next, Change: k.change, ConfigName: "releve-fip", SubnetID: aNetwork + "/subnets/lan", Known: k.known})
		c.hold(8).run(time.Second)
		if len(c.log) < 2 || c.log[1] != "own NIC: "+k.first && c.log[0] != "own NIC: "+k.first {
			t.Errorf("knowing %q: wrote %v, want %s first", k.known, c.log, k.first)
		}
	}
}

// The routes that are known say nothing of a former one that none has led to for a
// moment: a takeover of what was there last moves it too.
func TestATakeoverWithKnownRoutes(t *testing.T) {
	c := newCloud(t, OwnNIC, "")
	c.nics[OwnNIC] = append(c.nics[OwnNIC], configOf(next.String()))
	c.hops = []string{next.String()}
	c.take(c.m.SetGoal(c.now, ha.Goal{Mode: ha.Rest}))
	c.configure(former).run(time.Minute)
	c.nics[OwnNIC] = c.nics[OwnNIC][:1] // by the peer, unseen
	c.refuse = refusing(OwnNIC, Put, "PrivateIPAddressIsAllocated")
	c.hold(8).run(3 * time.Second)
	c.refuse = nil
	c.run(2 * time.Second)
	c.wrote("peer NIC: ", "own NIC: 200+201")
}

// Nothing is put on by what an old read says of the peer's NIC: another one may be
// there by now. A peer's NIC that can't be read is no reason to wait.
func TestATakeoverAfterAnOldRead(t *testing.T) {
	old := func(refuse func(Request) *Response) *cloud {
		c := newCloud(t, PeerNIC, configOf(fip.String()))
		c.nics[PeerNIC] = c.nics[PeerNIC][:1]
		c.take(c.m.SetGoal(c.now, ha.Goal{Mode: ha.Rest}))
		c.configure(former).run(time.Second)
		c.nics[PeerNIC] = append(c.nics[PeerNIC], configOf(next.String()))
		c.refuse = refuse
		c.run(2 * fresh)
		return c.hold(8).run(time.Second)
	}
	old(nil).wrote("peer NIC: ", "own NIC: 201")
	unread := 0
	c := old(func(call Request) *Response {
		if unread++; call.Target != PeerNIC || call.Op != Get || unread > 5 {
			return nil
		}
		return &Response{Status: 403, Code: "AuthorizationFailed"}
	})
	if len(c.log) == 0 || c.log[0] != "own NIC: 200" {
		t.Errorf("wrote %v", c.log)
	}
}

// An update of a table has failed, the peer's or a former life's: it is made again,
// at leisure.
func TestAFailedTableIsMended(t *testing.T) {
	c := newCloud(t, OwnNIC, "")
	c.nics[OwnNIC] = append(c.nics[OwnNIC], configOf(next.String()))
	c.hops, c.state = []string{next.String(), "10.9.9.9"}, failed
	c.configure(former).hold(8).run(time.Minute)
	if n := len(c.log); n < 4 || n > 10 || c.log[3] != "route 0" {
		t.Fatalf("wrote %v", c.log)
	}
	c.log, c.state = nil, "Succeeded"
	c.run(2 * linger)
	c.wrote("own NIC: 201")
	c.step(Done)
}

// A person takes the former one off while a route leads to it: it is put back. A
// route that is changed back to it in time keeps it.
func TestAFormerOneIsPutBack(t *testing.T) {
	c := active(t)
	c.refuse = refusing(Route, Put, "AuthorizationFailed")
	c.configure(former).run(time.Minute)
	c.wrote("own NIC: 200+201")
	c.nics[OwnNIC] = slices.DeleteFunc(c.nics[OwnNIC], func(config string) bool { return strings.Contains(config, fip.String()) })
	c.run(time.Minute)
	c.wrote("own NIC: 200+201")
	c.hops = []string{"10.9.9.9"}
	c.run(routePace + linger/2)
	c.hops = []string{fip.String()}
	c.run(time.Hour)
	c.wrote()
	c.step(Routes)
}

// While Azure is at work on an active's own write, a tool puts the former one back in
// place of the new: the guest keeps what it has until Azure is done. Asked for no
// address, IMDS would say that all are here.
func TestTheGuestIsNeverWithout(t *testing.T) {
	c := active(t)
	busy := false
	c.refuse = func(call Request) *Response {
		if call.Op != Get || call.Target != OwnNIC {
			return nil
		}
		if c.on(OwnNIC) == "201" { // the former one has just been taken off
			busy, c.nics[OwnNIC] = true, []string{configOf("10.102.2.10"), configOf(fip.String())}
			c.etags[OwnNIC]++
		}
		if !busy {
			return nil
		}
		return &Response{Status: 200, Body: bytes.Replace(c.body(call), []byte("Succeeded"), []byte("Updating"), 1)}
	}
	c.configure(former).run(2 * time.Minute)
	if !busy || !slices.Equal(c.guest, []netip.Addr{next}) {
		t.Errorf("at work (%t), the guest has %v", busy, c.guest)
	}
	c.refuse = nil
	if c.run(time.Second); !slices.Equal(c.guest, []netip.Addr{fip}) {
		t.Errorf("done, the guest has %v", c.guest)
	}
}

// A second change in the middle of one.
func TestAChangeIsChanged(t *testing.T) {
	c := active(t)
	c.refuse = refusing(Route, Put, "AuthorizationFailed")
	c.configure(former).run(time.Minute)
	c.wrote("own NIC: 200+201")
	c.take(c.m.Configure(c.now, fip, Change{Former: []netip.Addr{next, fip}}))
	c.run(2 * time.Minute)
	c.wrote("own NIC: 200")
}

// A standby learns that the active has finished, also the primary, whose own NIC has
// the register and nothing else; by reads that are later than the change.
func TestAStandbySeesTheEnd(t *testing.T) {
	c := newCloud(t, PeerNIC, "")
	c.take(c.m.SetGoal(c.now, ha.Goal{Mode: ha.Rest}))
	c.run(2 * restPace)
	c.configure(former).run(2 * restPace)
	c.step(Waits)
	c.nics[PeerNIC] = append(c.nics[PeerNIC], configOf(next.String()))
	c.run(2 * restPace)
	c.step(Waits)
	if !slices.Equal(c.guest, []netip.Addr{next, fip}) { // in time for a takeover
		t.Errorf("the guest would have %v", c.guest)
	}
	c.nics[PeerNIC] = slices.Delete(c.nics[PeerNIC], 1, 2)
	c.run(2 * restPace)
	c.step(Done)
	c.take(c.m.Configure(c.now, next, Change{Former: []netip.Addr{fip}}))
	c.step(Waits)
	c.run(2 * restPace)
	c.step(Done)
	c.nics[PeerNIC] = c.nics[PeerNIC][:1]
	c.run(2 * restPace)
	c.step(Waits) // nobody has the new one
	c.wrote()
}
