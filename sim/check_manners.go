package sim

import (
	"net/http"
	"time"

	"releve.dev/releve/core/steer"
)

// mannersCheck is the caller's part of Azure's contract: who is throttled asks
// nothing before Retry-After is over (azure.md section 2). A 429 that only says
// that the resource is busy is another thing; asking again each second is fine.
type mannersCheck struct {
	indifferent
	w       *World
	resting [3]time.Duration // local
	life    [3]uint32
}

func (m *mannersCheck) answered(n *node, response *steer.Response) {
	if response.Status == http.StatusTooManyRequests && response.Code != "RetryableError" && response.Code != "AnotherOperationInProgress" {
		m.resting[n.side], m.life[n.side] = n.local()+response.RetryAfter, n.life
	}
}

func (m *mannersCheck) calls(n *node, request *steer.Request) {
	if left := m.resting[n.side] - n.local(); left > 0 && m.life[n.side] == n.life {
		m.w.fail("manners", "the %s calls ARM (%s %s) %v before Retry-After is over", n.side, request.Op, request.Target, left)
	}
}
