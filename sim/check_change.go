package sim

import (
	"bytes"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// changeCheck is R14 for the floating IP: while it is changed the two vSockets
// never have one each, a takeover moves all that is there, the former one stays as
// long as a route leads to it, and in the end there is only the new one. What a
// person does to the NICs is excused, and that nobody can know: a vSocket that adds
// the new one, dies, and has the floating IP handed back has never seen it.
type changeCheck struct {
	indifferent
	w    *World
	hand bool
	last addresses[bool] // what some NIC had last
	saw  [3]uint32       // the life in which a side was shown the new one on a NIC, by number from 1
}

// answered is told of each answer of ARM's.
func (c *changeCheck) answered(n *node, request *steer.Request, response *steer.Response) {
	if c.w.changing.f != nil && request.Op == steer.Get && response.OK() && bytes.Contains(response.Body, quotedNew) {
		c.saw[n.side] = n.life + 1
	}
}

var quotedNew = []byte(`"` + floatingIPs[1].String() + `"`)

// knows: the new one must be moved too by who knows that it is there, or where a
// route leads to it.
func (c *changeCheck) knows(n *node) bool {
	return c.saw[n.side] == n.life+1 || c.w.changing.leads(floatingIPs[1])
}

func (c *changeCheck) writes(by *node, side site.Side, before, after *nic) {
	if c.w.changing.f == nil {
		return
	}
	none := addresses[bool]{}
	c.hand = c.hand || by == nil
	defer func() {
		if after.on != none {
			c.last = after.on
		}
	}()
	if c.last == none || by != nil && side != by.side && before.on != none {
		c.last = before.on
	}
	if by == nil || c.hand || before.on == after.on {
		return
	}
	fail := func(format string, args ...any) { c.w.fail("floating IP changed", format, args...) }
	former := floatingIPs[0]
	switch own := side == by.side; {
	case !own && after.on != none:
		fail("the %s takes only a part off the %s's NIC: %v of %v", by.side, side, after.on, before.on)
	case own && before.on == none && (c.last[0] && !after.on[0] && !c.w.changing.word || c.last[1] && !after.on[1] && c.knows(by)):
		fail("the %s puts on only a part of what was there: %v of %v", by.side, after.on, c.last)
	case own && before.on[1] && !after.on[1]:
		fail("the %s takes the new floating IP off its NIC", by.side)
	case own && before.on[0] && !after.on[0] && c.w.changing.leads(former):
		fail("the %s takes %s off its NIC, and a route leads to it", by.side, former)
	}
}

// guest is told of each change of the guest's addresses: IMDS is asked for them, and a
// gate may rest on that (R11).
func (c *changeCheck) guest(n *node) {
	if len(n.addrs) == 0 {
		c.w.fail("floating IP changed", "the %s's guest has no floating IP", n.side)
	}
}

// look is told of each change of the data plane.
func (c *changeCheck) look() {
	if at := c.w.azure.at; c.w.changing.f != nil && !c.hand && at[0] != site.NoSide && at[1] != site.NoSide && at[0] != at[1] {
		c.w.fail("floating IP changed", "Azure brings one floating IP to the %s, the other to the %s", at[0], at[1])
	}
}

func (c *changeCheck) ended() {
	w := c.w
	if w.changing.f == nil || w.sched.Settings.Heal < bounds(w.sched).Change {
		return
	}
	fail := func(format string, args ...any) { w.fail("floating IP changed", format, args...) }
	for _, n := range w.nodes[1:] {
		on := w.azure.nics[n.side].on
		switch want := n.role == site.Active; {
		case on[0] || on[1] != want:
			fail("the %s is %s, and its NIC has %v", n.side, n.role, on)
		case n.role == site.Active && (len(n.addrs) != 1 || n.addrs[0] != floatingIPs[1]):
			fail("the %s's guest has %v", n.side, n.addrs)
		case n.role == site.Active && n.driver.Change().Step != steer.Done:
			fail("the %s says %+v", n.side, n.driver.Change())
		}
	}
	if w.changing.leads(floatingIPs[0]) {
		fail("a route leads to the former one: %s", w.changing.routes)
	}
}
