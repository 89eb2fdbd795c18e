package event

import "fmt"

// port follows one of the vSocket's ports.
type port struct {
	name     string
	what     string
	down, up Kind
	state    lasting
	saidDown *bool // also in the life before
}

func (m *Maker) readPort(p *port, state Port) {
	if state == Unknown || !p.state.read(m.now, state == Up, m.limits.Port, m.limits.Port) {
		return
	}
	kind, is, isDown := p.down, "doesn't answer its probes", !p.state.value
	if isDown == *p.saidDown {
		return // as the life before has said; or up from the start, which is nothing to tell
	}
	if !isDown {
		kind, is = p.up, "answers its probes again"
	}
	*p.saidDown = isDown
	m.say(kind, p.state.wall, func(e *Event) {
		e.Interface = plain(p.name, mostWord)
		e.Message = fmt.Sprintf("the %s's %s port %s", m.r.Side, p.what, is)
	})
}
