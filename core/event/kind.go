package event

import (
	"fmt"
	"strings"
)

// Kind says what has happened. Programs match it; it never changes its meaning.
type Kind string

// The kinds that a vSocket makes.
const (
	FailOver            Kind = "socket-fail-over"
	HANotReady          Kind = "ha-not-ready"
	HAReady             Kind = "ha-ready"
	Connected           Kind = "connected"
	PassiveConnected    Kind = "passive-connected"
	Disconnected        Kind = "disconnected"
	PassiveDisconnected Kind = "passive-disconnected"
	Reconnected         Kind = "reconnected"
	WANDisconnected     Kind = "wan-port-disconnected"
	WANConnected        Kind = "wan-port-connected"
	LANDisconnected     Kind = "lan-port-disconnected"
	LANConnected        Kind = "lan-port-connected"
	ChangedPoP          Kind = "changed-pop"
	Upgraded            Kind = "socket-upgrade"
	ConfigChanged       Kind = "config-changed"
)

// The kinds that the manager makes, as no vSocket can know them.
const (
	OutOfSight Kind = "socket-out-of-sight"
	Refused    Kind = "socket-refused"
)

// The types group kinds, as the source does.
const (
	Connectivity = "Connectivity"
	Sockets      = "Sockets Management"
	Security     = "Security"
	Other        = "Other" // of a kind that only a later version knows
)

// Description is what people read of a kind.
type Description struct {
	Kind          Kind
	Type, SubType string
	When          string // it is made
}

// Kinds describes each kind there is, in the order in which people read them.
var Kinds = []Description{
	{FailOver, Connectivity, "Socket Fail-Over", "the secondary has been active for 35 s"},
	{HANotReady, Connectivity, "HA Not Ready", "an indicator of HA has been wrong, or both vSockets active, for 30 s"},
	{HAReady, Connectivity, "HA Ready", "after HA Not Ready: all indicators have been right for 30 s"},
	{Connected, Connectivity, "Connected", "the active's tunnel has been up for 30 s"},
	{PassiveConnected, Connectivity, "Passive Connected", "the standby's tunnel has been up for 30 s"},
	{Disconnected, Connectivity, "Disconnected", "the active's tunnel has been down for 2.5 min"},
	{PassiveDisconnected, Connectivity, "Passive Disconnected", "the standby's tunnel has been down for 2.5 min"},
	{Reconnected, Connectivity, "Reconnected", "a tunnel that was down for less than that has been up for 30 s; also after the agent's restart"},
	{WANDisconnected, Connectivity, "WAN Port Disconnected", "no Internet probe has been answered over the WAN port for 5 s"},
	{WANConnected, Connectivity, "WAN Port Connected", "after WAN Port Disconnected: probes have been answered for 5 s"},
	{LANDisconnected, Connectivity, "LAN Port Disconnected", "the LAN's gateway has not answered for 5 s"},
	{LANConnected, Connectivity, "LAN Port Connected", "after LAN Port Disconnected: it has answered for 5 s"},
	{ChangedPoP, Connectivity, "Changed PoP", "the tunnel leads to another PoP than before"},
	{Upgraded, Sockets, "Socket Upgrade", "the vSocket runs another version than before"},
	{ConfigChanged, Sockets, "Config Changed", "the vSocket runs with another generation of the site's settings than before"},
	{OutOfSight, Connectivity, "Socket Out Of Sight", "no manager has heard a vSocket for 60 s that was connected"},
	{Refused, Security, "Socket Refused", "a machine with a void serial number, a used key or another's identity tried to connect; at most once in 10 min for each"},
}

// Describe describes a kind, also one that this version doesn't know.
func (k Kind) Describe() Description {
	for _, d := range Kinds {
		if d.Kind == k {
			return d
		}
	}
	return Description{Kind: k, Type: Other, SubType: string(k)}
}

// OfSite reports whether both vSockets may make an event of this kind of the
// same happening; it has a slot then.
func (k Kind) OfSite() bool { return k == HAReady || k == HANotReady }

// HA reports whether the kind tells of high availability: a full spool drops
// such events last.
func (k Kind) HA() bool { return k.OfSite() || k == FailOver }

// OfType lists the kinds of a type.
func OfType(name string) []Kind {
	var all []Kind
	for _, d := range Kinds {
		if strings.EqualFold(d.Type, name) {
			all = append(all, d.Kind)
		}
	}
	return all
}

// Table is the kinds as docs/events.md shows them.
func Table() string {
	var text strings.Builder
	text.WriteString("| kind | type | sub-type | made when |\n|---|---|---|---|\n")
	for _, d := range Kinds {
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", d.Kind, d.Type, d.SubType, d.When)
	}
	return text.String()
}
