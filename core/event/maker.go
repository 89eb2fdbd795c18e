package event

import (
	"fmt"
	"time"

	"releve.dev/releve/site"
)

// Self is who makes events: fixed in one life of the maker.
type Self struct {
	Serial   string
	Boot     string // of this life
	WAN, LAN string // the interfaces' names
}

// Memory is what one life leaves to the next, in a file of the caller's.
type Memory struct {
	Agent        site.BootID  `json:"agent"` // the life of it that was seen last
	Version      site.Version `json:"version"`
	Generation   uint64       `json:"generation,omitempty"`
	PoP          string       `json:"pop,omitempty"`
	Connected    bool         `json:"connected,omitempty"`    // it was said last that the tunnel is up
	Disconnected bool         `json:"disconnected,omitempty"` // or that it is down
	FailOver     site.Term    `json:"fail_over,omitempty"`    // of which it was said last
	NotReady     bool         `json:"not_ready,omitempty"`    // HA Ready is to be said by this vSocket
	WANDown      bool         `json:"wan_down,omitempty"`     // it was said so
	LANDown      bool         `json:"lan_down,omitempty"`
}

// Now is a moment: the clock that never jumps, and the one that people read.
type Now struct {
	At   time.Duration // CLOCK_BOOTTIME
	Wall time.Time
}

// Maker makes the events of one vSocket.
type Maker struct {
	self   Self
	limits Thresholds
	memory Memory

	begun  bool
	last   time.Duration
	now    moments
	number uint64
	r      *Reading
	made   []Event

	cloud  cloud
	wan    port
	lan    port
	over   failOver
	ready  readyState
	unsaid *moments // when HA became Not Ready while the other spoke; nil: said, or taken over
}

// New makes a maker that has read nothing. memory is what the last life left;
// the zero value: there was none.
func New(self Self, limits Thresholds, memory Memory) *Maker {
	m := &Maker{self: self, limits: limits, memory: memory, cloud: newCloud(memory)}
	m.wan = port{name: self.WAN, down: WANDisconnected, up: WANConnected, what: "WAN", saidDown: &m.memory.WANDown}
	m.lan = port{name: self.LAN, down: LANDisconnected, up: LANConnected, what: "LAN", saidDown: &m.memory.LANDown}
	return m
}

// Memory is what to keep for the next life. It may have changed with each Step.
func (m *Maker) Memory() Memory { return m.memory }

// Step takes a reading, about one each second, and returns what is to be told.
func (m *Maker) Step(now Now, r Reading) []Event {
	if m.begun {
		m.now.lived += min(max(0, now.At-m.last), MostStep)
	}
	m.begun, m.last, m.now.wall, m.r, m.made = true, now.At, now.Wall, &r, nil
	m.life()
	m.readCloud()
	m.readPort(&m.wan, r.WAN)
	m.readPort(&m.lan, r.LAN)
	m.readFailOver()
	m.readReadiness()
	return m.made
}

// say makes an event that is sure now.
func (m *Maker) say(kind Kind, since time.Time, fill func(*Event)) {
	m.sayAt(kind, m.now.wall, since, fill)
}

func (m *Maker) sayAt(kind Kind, at, since time.Time, fill func(*Event)) {
	m.number++
	e := Event{
		ID: ID{m.self.Serial, m.self.Boot, m.number}, Kind: kind, Time: milliseconds(at), Since: milliseconds(since),
		Site: plain(m.r.Site, mostWord), Role: m.r.Side, PeerSerial: m.r.PeerSerial, Version: m.r.Version,
	}
	if kind.OfSite() {
		e.Slot = SlotOf(e.Time)
	}
	if m.r.Tunnel != nil {
		e.PoP = plain(m.r.Tunnel.PoP, mostWord)
	}
	if m.r.Term != 0 {
		e.Timeline = fmt.Sprintf("%s/%d", e.Site, m.r.Term)
	}
	fill(&e)
	e.Reason, e.Message = plain(e.Reason, mostText), plain(e.Message, mostText)
	m.made = append(m.made, e)
}

func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// active says whether the vSocket holds the term, with or without its lease.
func active(r site.Role) bool { return r == site.Active || r == site.Suspended }

// life tells what differs from what was before: in the agent's last life, or ever
// since.
func (m *Maker) life() {
	if m.memory.Agent != m.r.Agent {
		m.cloud.restarted = m.memory.Connected
		m.memory.Agent = m.r.Agent
	}
	if old := m.memory.Version; old != m.r.Version && old != (site.Version{}) {
		m.say(Upgraded, m.now.wall, func(e *Event) {
			e.OldVersion = &old
			e.Message = fmt.Sprintf("the %s runs version %s instead of %s", m.r.Side, m.r.Version, old)
		})
	}
	m.memory.Version = m.r.Version
	if was, is := m.memory.Generation, m.r.Generation; is != 0 {
		if was != 0 && was != is {
			m.say(ConfigChanged, m.now.wall, func(e *Event) {
				e.Message = fmt.Sprintf("the %s runs with generation %d of the site's settings instead of %d", m.r.Side, is, was)
			})
		}
		m.memory.Generation = is
	}
}
