package sim

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// floatingIPs are the one that the site has, and the one that it gets.
var floatingIPs = addresses[netip.Addr]{floatingIP, netip.MustParseAddr("10.102.2.201")}

// addresses is something of each of them.
type addresses[T any] [2]T

// floatingIn says which of them a configuration has.
func floatingIn(config tree.Object) (i int, ours bool) {
	text := tree.Text(config, "properties", "privateIPAddress")
	for i, addr := range floatingIPs {
		if text == addr.String() {
			return i, true
		}
	}
	return 0, false
}

// readdressing is the schedule's change of the floating IP, if it has one: there is
// a route table then, and what it leads to is what has to be served.
type readdressing struct {
	w      *World
	f      *Fault // the first one; nil: no change
	word   bool   // a person has said that no route leads to the former one
	routes string // the table as last seen, without what Azure writes itself
}

func newReaddressing(w *World) readdressing {
	c := readdressing{w: w}
	if i := slices.IndexFunc(w.sched.Faults, func(f Fault) bool { return f.Kind == Readdress }); i >= 0 {
		c.f = &w.sched.Faults[i]
	}
	return c
}

const (
	tableID   = groupID + "/providers/Microsoft.Network/routeTables/work"
	tablePath = tableID + "?api-version=2024-05-01"
)

// resources are the site's in Azure: with a change, another subnet whose table leads
// to the floating IP and, by one entry, elsewhere.
func (c *readdressing) resources() [][2]string {
	if c.f == nil {
		return resources
	}
	route := func(name, prefix, hop string) string {
		return `{"name":"` + name + `","future":1.50,"properties":{"addressPrefix":"` + prefix + `","nextHopType":"VirtualAppliance","nextHopIpAddress":"` + hop + `"}}`
	}
	table := `{"location":"westeurope","tags":{"owner":"ops"},"properties":{"routes":[` + route("all", "0.0.0.0/0", floatingIP.String()) + `,` +
		route("far", "10.200.0.0/16", floatingIP.String()) + `,` + route("other", "10.201.0.0/16", "10.102.9.9") + `]}}`
	list := slices.Clone(resources)
	for i, each := range list {
		if each[0] == vnetID {
			list[i][1] = strings.Replace(each[1], `"subnets":[`, `"subnets":[{"name":"work","properties":{"addressPrefix":"10.102.4.0/24","routeTable":{"id":"`+tableID+`"}}},`, 1)
			return slices.Insert(list, i, [2]string{tableID, table})
		}
	}
	panic("sim: there is no network")
}

// permit takes the permissions away that the identity doesn't have, now and after
// all faults are healed.
func (a *azure) permit() {
	deny := func(action string) {
		if _, err := a.store.Inject(a.w.now, store.Fault{Kind: store.FaultDeny, Action: action}); err != nil {
			panic("sim: " + err.Error())
		}
	}
	if c := &a.w.changing; c.f != nil && c.f.N > 0 {
		deny("/routes/write")
		if c.f.N > 1 {
			deny("/routeTables/read")
			deny("/virtualNetworks/read")
		}
	}
}

// addrs are the floating IPs that there are.
func (c *readdressing) addrs() []netip.Addr {
	if c.f == nil {
		return floatingIPs[:1]
	}
	return floatingIPs[:]
}

// owner is the vSocket that Azure brings the site's traffic to: by the floating IP,
// or by those that routes lead to; nobody, if a part goes elsewhere.
func (c *readdressing) owner() site.Side {
	at := &c.w.azure.at
	if c.f == nil {
		return at[0]
	}
	var owners []site.Side
	for _, route := range c.w.azure.store.Routed(tableID) {
		if i := slices.Index(floatingIPs[:], route.Via); i >= 0 && !slices.Contains(owners, at[i]) {
			owners = append(owners, at[i])
		}
	}
	if len(owners) != 1 {
		return site.NoSide
	}
	return owners[0]
}

// lists reports whether a node's IMDS shows all that its guest has.
func (a *azure) lists(n *node) bool {
	for i, addr := range floatingIPs {
		if slices.Contains(n.addrs, addr) && a.at[i] != n.side {
			return false
		}
	}
	return len(n.addrs) > 0
}

// begin: a person has changed the settings.
func (c *readdressing) begin(f *Fault) {
	if f != c.f {
		return
	}
	c.read()
	c.deliver(c.w.nodes[f.Side])
	c.w.put(happening{at: c.w.now + f.D, what: delivers, node: uint8(f.Side.Peer())})
}

// deliver: a vSocket has the settings on its disk. It goes by them once both have.
func (c *readdressing) deliver(n *node) {
	n.readdressed = true
	if c.w.nodes[n.side.Peer()].readdressed {
		c.tell()
	}
}

// tell tells the agents that run.
func (c *readdressing) tell() {
	for _, n := range c.w.nodes[1:] {
		c.w.put(happening{at: c.w.now, what: readdresses, node: uint8(n.side), life: n.life})
	}
}

func (n *node) readdress(h happening) {
	if h.life != n.life || n.wait(h) {
		return // who boots later has it from its disk
	}
	n.w.changing.configure(n)
	n.enter(func(now time.Duration) { n.driver.FloatingIP(now, n.conf.FloatingIP, n.conf.Steer.Change) })
}

// configure is what an agent reads from its disk.
func (c *readdressing) configure(n *node) {
	if c.f != nil && c.w.nodes[site.Primary].readdressed && c.w.nodes[site.Secondary].readdressed {
		n.conf.FloatingIP, n.conf.Steer.FloatingIP = floatingIPs[1], floatingIPs[1]
		n.conf.Steer.Change = steer.Change{Former: floatingIPs[:1], Moved: c.word}
	}
	if !n.running {
		n.addrs = []netip.Addr{n.conf.Steer.FloatingIP}
	}
}

// end: where the identity may not write routes, there is a person from now on.
func (c *readdressing) end(f *Fault) {
	if f == c.f && f.N > 0 {
		c.w.put(happening{at: c.w.now, what: reroutes})
	}
}

// reroute: the person changes the routes once the active says that they are to be
// changed, and where it can't see that, says so a minute later.
func (c *readdressing) reroute() {
	if !c.asked() {
		c.w.put(happening{at: c.w.now + time.Second, what: reroutes})
		return
	}
	answer := c.w.azure.store.Handle(c.w.now, store.Request{Method: "GET", Path: tablePath, Principal: store.Admin()})
	answer = c.w.azure.store.Handle(c.w.now, store.Request{Method: "PUT", Path: tablePath, Body: []byte(moved(string(answer.Body))), Principal: store.Admin()})
	if answer.Status/100 != 2 {
		c.w.fail("harness", "a person changes the routes: %d %s", answer.Status, answer.Code)
	}
	c.w.say("azure", "the routes are changed by a person")
	c.routed(nil)
	c.w.azure.delivery()
	if c.f.N > 1 {
		c.w.put(happening{at: c.w.now + time.Minute, what: vouches})
	}
}

func (c *readdressing) asked() bool {
	return slices.ContainsFunc(c.w.nodes[1:], func(n *node) bool {
		return n.running && n.role == site.Active && n.driver.Change().Step == steer.Routes
	})
}

// vouch: the person says so.
func (c *readdressing) vouch() {
	c.word = true
	c.w.say("world", "a person says that the routes are changed")
	c.tell()
}

// routed: somebody has written the table.
func (c *readdressing) routed(by *node) {
	c.w.changed = c.w.now
	was := c.routes
	c.read()
	if by != nil && moved(was) != moved(c.routes) {
		c.w.fail("nothing lost", "the %s changed the routes\nfrom %s\nto   %s", by.side, was, c.routes)
	}
}

// moved is a table with every next hop changed that should be.
func moved(table string) string {
	return strings.ReplaceAll(table, floatingIPs[0].String(), floatingIPs[1].String())
}

// read looks at the table as the control plane has it.
func (c *readdressing) read() {
	answer := c.w.azure.store.Handle(c.w.now, store.Request{Method: "GET", Path: tablePath, Principal: store.Admin()})
	doc, err := tree.Parse(answer.Body)
	if err != nil {
		panic("sim: " + err.Error())
	}
	for _, each := range append(tree.Objects(doc, "properties", "routes"), doc) {
		delete(each, "etag")
		delete(tree.Sub(each, "properties"), "provisioningState")
	}
	c.routes = string(tree.Render(doc))
}

// leads reports whether a route leads to a floating IP, as the control plane or the
// data plane has it.
func (c *readdressing) leads(addr netip.Addr) bool {
	c.read()
	return strings.Contains(c.routes, `"`+addr.String()+`"`) ||
		slices.ContainsFunc(c.w.azure.store.Routed(tableID), func(r plane.Route) bool { return r.Via == addr })
}
