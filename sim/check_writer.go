package sim

import (
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// writerCheck is the other half of ha.md section 5, 5: only an active writes,
// and a claimant writes the register; each write is conditional.
type writerCheck struct {
	indifferent
	w *World
}

func (c *writerCheck) calls(n *node, request *steer.Request) {
	if request.Op != steer.Put {
		return
	}
	if request.IfMatch == "" {
		c.w.fail("only the active writes", "the %s writes without If-Match", n.side)
	}
	switch n.role {
	case site.Active, site.Suspended:
	case site.Claiming:
		if target(n, request) != site.Primary {
			c.w.fail("only the active writes", "the %s claims on another NIC than the register", n.side)
		}
	default:
		c.w.fail("only the active writes", "the %s writes as %s: %s", n.side, n.role, request.Why)
	}
}
