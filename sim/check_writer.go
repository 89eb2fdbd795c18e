package sim

import (
	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// writerCheck is the other half of ha.md section 5, 5: only an active writes,
// and a claimant writes the register; each write is conditional.
type writerCheck struct {
	indifferent
	w    *World
	last [3]writer // by the NIC's side

	decided [3][3]site.Role // in which role a writer has decided on its last write, by its side and the NIC's
}

// writer is who wrote a NIC last; nobody, if it was a person.
type writer struct {
	side site.Side
	boot site.BootID
}

func (c *writerCheck) writes(by *node, side site.Side, before, _ *nic) {
	if by != nil && c.decided[by.side][side] == site.Suspended && before.claim.Term >= by.granted.Term && !c.w.has(Stuck, Slow) {
		c.w.fail("only the active writes", "the %s has written as suspended over %s", by.side, before.claim)
	}
	c.last[side] = writer{}
	if by != nil {
		c.last[side] = writer{by.side, by.boot_}
	}
}

// overlaps: one operation a resource (ha.md section 4; ha-schedules.md 33). An
// old answer of Azure's, or a write that hangs on its way, may hide that one runs.
func (c *writerCheck) overlaps(n *node, request *steer.Request) {
	side := target(n, request)
	if c.last[side] != (writer{n.side, n.boot_}) || c.w.has(Stale, Stuck, Slow) {
		return
	}
	c.w.azure.refresh(side)
	doc, err := tree.Parse(c.w.azure.nics[side].body)
	if err != nil {
		panic("sim: " + err.Error())
	}
	if tree.Text(doc, "properties", "provisioningState") == "Updating" {
		c.w.fail("one update at a time", "the %s writes the %s's NIC while its own last update runs: %s", n.side, side, request.Why)
	}
}

func (c *writerCheck) calls(n *node, request *steer.Request) {
	if request.Op != steer.Put {
		return
	}
	if request.Target == steer.Route {
		if n.role != site.Active || request.IfMatch == "" {
			c.w.fail("only the active writes", "the %s writes a route as %s, on %q", n.side, n.role, request.IfMatch)
		}
		return
	}
	c.overlaps(n, request)
	c.decided[n.side][target(n, request)] = n.role
	if request.IfMatch == "" {
		c.w.fail("only the active writes", "the %s writes without If-Match", n.side)
	}
	switch n.role {
	case site.Active:
	case site.Suspended:
		if target(n, request) != site.Primary { // but a lost claim: see writes
			c.w.fail("only the active writes", "the %s writes as suspended: %s", n.side, request.Why)
		}
	case site.Claiming:
		if target(n, request) != site.Primary {
			c.w.fail("only the active writes", "the %s claims on another NIC than the register", n.side)
		}
	default:
		c.w.fail("only the active writes", "the %s writes as %s: %s", n.side, n.role, request.Why)
	}
}
