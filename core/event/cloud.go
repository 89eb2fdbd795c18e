package event

import (
	"fmt"
	"time"
)

// cloud follows the tunnel. An outage lasts until the tunnel has been up for
// Connected without a break; only one that is long enough is a Disconnected.
type cloud struct {
	said      bool // something, also in the life before
	connected bool // that it is up
	restarted bool // the agent has, since

	up     bool
	upAt   moments
	outage bool
	began  moments // the outage
	reason string  // of it, the last
}

func newCloud(memory Memory) cloud {
	return cloud{said: memory.Connected || memory.Disconnected, connected: memory.Connected}
}

func (m *Maker) readCloud() {
	t := m.r.Tunnel
	if t == nil {
		m.cloud = cloud{}
		return
	}
	m.readPoP(t)
	c := &m.cloud
	switch {
	case !t.Up:
		if !c.outage {
			c.outage, c.began = true, m.now
		}
		c.reason = t.Reason
		if (c.connected || !c.said) && m.now.lived-c.began.lived >= m.limits.Disconnected {
			m.sayDisconnected()
		}
	case !c.up:
		c.upAt = m.now
	}
	c.up = t.Up
	if c.up && m.now.lived-c.upAt.lived >= m.limits.Connected {
		m.settle()
	}
}

// settle ends an outage, or a beginning.
func (m *Maker) settle() {
	c := &m.cloud
	switch {
	case !c.connected:
		m.sayConnected()
	case c.restarted:
		m.sayReconnected("the agent has restarted", c.upAt.wall)
	case c.outage:
		m.sayReconnected(fmt.Sprintf("it was down for %s", length(c.upAt.lived-c.began.lived)), c.began.wall)
	}
	c.said, c.connected, c.restarted, c.outage, c.reason = true, true, false, false, ""
	m.memory.Connected, m.memory.Disconnected = true, false
}

func (m *Maker) readPoP(t *Tunnel) {
	if was := m.memory.PoP; was != "" && t.PoP != "" && was != t.PoP {
		m.say(ChangedPoP, m.now.wall, func(e *Event) {
			e.Reason = m.cloud.reason
			e.Message = fmt.Sprintf("the %s's tunnel leads to %s instead of %s", m.r.Side, t.PoP, was)
		})
	}
	if t.PoP != "" {
		m.memory.PoP = t.PoP
	}
}

func (m *Maker) sayConnected() {
	m.say(m.ifActive(Connected, PassiveConnected), m.cloud.upAt.wall, func(e *Event) {
		e.Message = fmt.Sprintf("the %s's tunnel to %s is up", m.r.Side, e.PoP)
	})
}

func (m *Maker) sayReconnected(why string, since time.Time) {
	m.say(Reconnected, since, func(e *Event) {
		e.Reason = m.cloud.reason
		e.Message = fmt.Sprintf("the %s's tunnel to %s is up again: %s", m.r.Side, e.PoP, why)
	})
}

func (m *Maker) sayDisconnected() {
	c := &m.cloud
	m.say(m.ifActive(Disconnected, PassiveDisconnected), c.began.wall, func(e *Event) {
		e.Reason = c.reason
		e.Message = fmt.Sprintf("the %s's tunnel to %s is down", m.r.Side, e.PoP)
	})
	c.said, c.connected, c.restarted = true, false, false
	m.memory.Connected, m.memory.Disconnected = false, true
}

// ifActive picks the kind that fits what the vSocket is in the pair.
func (m *Maker) ifActive(is, isNot Kind) Kind {
	if active(m.r.Role) {
		return is
	}
	return isNot
}

// length is a duration as people say it.
func length(d time.Duration) time.Duration { return d.Round(time.Second) }
