package sim

import (
	"time"

	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/site"
)

// readCheck is R11's order: a term is won when Azure has nothing under way on
// the register any more, and the gate opens when the floating IP is on the own
// NIC. What a person or an old answer of Azure's changes meanwhile is excused.
type readCheck struct {
	indifferent
	w       *World
	excused bool
	won     [3]bool          // and the gate hasn't been opened since
	taken   [3]time.Duration // when the floating IP was taken off the side's NIC last
}

func newReadCheck(w *World) *readCheck {
	c := &readCheck{w: w, excused: w.sched.Settings.Witness}
	for i := range w.sched.Faults {
		switch w.sched.Faults[i].Kind {
		case Move, Remove, Untag, Edit, Apply, Stale:
			c.excused = true
		}
	}
	return c
}

// late is how long a read that showed it still may be under way.
const late = 3 * time.Second

func (c *readCheck) writes(_ *node, side site.Side, before, after *nic) {
	if before.fip && !after.fip {
		c.taken[side] = c.w.now
	}
}

func (c *readCheck) said(n *node, what string) {
	if c.excused {
		return
	}
	switch what {
	case "term granted":
		c.w.azure.refresh(site.Primary)
		doc, err := tree.Parse(c.w.azure.nics[site.Primary].body)
		if err != nil {
			panic("sim: " + err.Error())
		}
		if state := tree.Text(doc, "properties", "provisioningState"); state == "Updating" && c.w.register() == n.granted {
			c.w.fail("won when settled", "the %s takes %s as granted while Azure still works on it", n.side, n.granted)
		}
		c.won[n.side] = true
	case "gate opened":
		// A guest whose clock stood still can't know how old its reads are; who comes
		// from being Master by itself is its own last holder.
		thawed := c.w.has(Freeze) && n.until != 0 && c.w.now < n.until+registerHold
		if nic := &c.w.azure.nics[n.side]; !thawed && !n.solo && c.w.now > c.taken[n.side]+late && c.won[n.side] && !nic.fip && c.w.azure.owner != n.side {
			c.w.fail("serves when read back", "the %s opens its gate, but the floating IP is not on its NIC", n.side)
		}
		c.won[n.side] = false
	}
}
