package ha

import (
	"fmt"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// View is the machine as a person may look at it.
type View struct {
	Role    site.Role
	Granted site.Claim
	Fit     bool
	Reason  keepalive.Reason
	Claim   string // what a needed claim waits for, "" if none is needed

	PeerHeard bool
	PeerBoot  site.BootID
	Peer      keepalive.Message
	Age       [keepalive.Paths]time.Duration // of the last keepalive, negative: never heard

	Serve, Drain Time // what is left of the gates' openings, 0 if closed
	Down, Guest  bool
	Solo         bool // forwards as Master by itself, until the pair has an active

	AzureOK bool
	Problem string
	Witness WitnessView // the zero value: there is none
	Mine    bool        // the floating IP was read back as own in this term
	Steered bool
}

// View describes the machine now.
func (m *Machine) View(now Time) View {
	p := &m.peer
	v := View{
		Role: m.role, Granted: m.state.Granted, Fit: m.fit, Reason: m.reason, Claim: m.claim.blocked,
		PeerHeard: p.here(), PeerBoot: p.boot, Peer: p.msg,
		Serve: max(0, m.gate.serve-now), Drain: max(0, m.gate.drain-now), Down: m.gate.down, Solo: m.solo && !m.serving(), Guest: m.gate.guest,
		AzureOK: m.azure.ok, Problem: m.azure.problem, Mine: m.steered.mine, Steered: m.steered.done,
	}
	v.Witness = m.viewWitness(now)
	for i, line := range p.paths {
		v.Age[i] = -1
		if line.heard {
			v.Age[i] = now - line.at
		}
	}
	return v
}

// Indicator is one condition of HA being Ready (F1).
type Indicator struct {
	Name   string
	OK     bool
	Reason string
}

// Indicators are the conditions, in the order in which people read them.
func (m *Machine) Indicators(now Time) []Indicator {
	all := make([]Indicator, 0, 5)
	if m.cfg.Third == keepalive.Witness {
		all = append(all, indicator("Connected", m.connectedProblem()))
	}
	return append(all,
		indicator("Keepalive", m.keepaliveProblem(now)),
		indicator("Same version", m.versionProblem()),
		indicator("Azure", m.azureProblem()),
		indicator("Fit", m.fitProblem()))
}

func indicator(name, problem string) Indicator { return Indicator{name, problem == "", problem} }

func (m *Machine) keepaliveProblem(now Time) string {
	p := &m.peer
	line := &p.paths[keepalive.LAN]
	switch {
	case !line.heard:
		return "the peer was never heard on the LAN"
	case now-line.at >= m.cfg.Silent:
		return fmt.Sprintf("nothing heard on the LAN for %.1f s%s", (now - line.at).Seconds(), m.otherPath(now))
	case !m.lanTwoWay(now):
		return "the peer doesn't hear us on the LAN" + m.otherPath(now)
	}
	return ""
}

func (m *Machine) otherPath(now Time) string {
	if line := &m.peer.paths[keepalive.MGMT]; line.heard && now-line.at < m.cfg.Silent {
		return "; the MGMT path is fine"
	}
	return ""
}

func (m *Machine) versionProblem() string {
	theirs := m.peer.msg.Version
	switch {
	case !m.cfg.Version.AtLeast(site.HAVersion):
		return fmt.Sprintf("version %s is below %s", m.cfg.Version, site.HAVersion)
	case !m.peer.ever:
		return "the peer's version is not known"
	case !theirs.AtLeast(site.HAVersion):
		return fmt.Sprintf("the peer's version %s is below %s", theirs, site.HAVersion)
	case !theirs.Compatible(m.cfg.Version):
		return fmt.Sprintf("version %s here, %s at the peer", m.cfg.Version, theirs)
	}
	return ""
}

func (m *Machine) azureProblem() string {
	switch {
	case !m.azure.ok:
		return m.azure.problem
	case m.peer.here() && !m.peer.msg.AzureOK:
		return "the peer can't use Azure's API"
	}
	return ""
}

func (m *Machine) fitProblem() string {
	switch {
	case !m.fit:
		return "not fit: " + m.reason.String()
	case m.peer.here() && !m.peer.msg.Fit:
		return "the peer is not fit: " + m.peer.msg.Reason.String()
	}
	return ""
}
