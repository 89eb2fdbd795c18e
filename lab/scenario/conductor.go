package scenario

import (
	"slices"
	"sync"
)

// conductor stands before each step of the agents. It writes down what they do,
// and at one chosen step it strikes while the agent waits.
type conductor struct {
	mu     sync.Mutex
	steps  []taken
	count  map[taken]int
	point  *Point
	strike func()

	striking bool
	struck   chan struct{} // closed once it has struck
}

// before is called by each agent's line.
func (c *conductor) before(node, step string) {
	if strike := c.next(taken{node, step}); strike != nil {
		strike()
		close(c.struck)
	}
}

// next counts a step, and gives what is to be done before it.
func (c *conductor) next(s taken) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, s)
	if c.count != nil {
		c.count[s]++
	}
	p := c.point
	if p == nil || s.node != p.Node || s.step != p.Step || c.count[s] != p.Nth {
		return nil
	}
	c.point, c.striking = nil, true
	return c.strike
}

// arm counts from now on, and strikes at the point if there is one. The channel
// is closed when it has.
func (c *conductor) arm(p *Point, strike func()) (struck <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps, c.count, c.point, c.strike, c.struck = nil, map[taken]int{}, p, strike, make(chan struct{})
	c.striking = false
	return c.struck
}

// disarm ends it, and tells the steps since arm. A strike under way is waited for.
func (c *conductor) disarm() []taken {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.point = nil
	if c.striking {
		c.mu.Unlock()
		<-c.struck
		c.mu.Lock()
	}
	return slices.Clone(c.steps)
}
