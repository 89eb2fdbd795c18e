// Package config is the one file that a vSocket runs from: its form, its
// defaults, what makes it wrong, and the commented sample made from it.
package config

import (
	"net/netip"
	"time"

	"releve.dev/releve/site"
)

// Config is /etc/releve/vsocket.yaml. A field's doc tag is its comment in the
// generated sample.
type Config struct {
	Site       string       `yaml:"site" doc:"Name of the site, for people."`
	Side       site.Side    `yaml:"side" doc:"Which of the two this is: primary or secondary. It is fixed; who is active changes."`
	Version    site.Version `yaml:"version,omitempty" doc:"Version that this vSocket reports. Leave it out: it is the program's own."`
	StateDir   string       `yaml:"state_dir" doc:"Where the term and the journal are kept. Must survive a reboot."`
	RunDir     string       `yaml:"run_dir" doc:"Where the status socket is. May be lost at a reboot."`
	Interfaces Interfaces   `yaml:"interfaces" doc:"The three interfaces of the appliance."`
	Egress     Egress       `yaml:"egress,omitempty" doc:"How the LAN's traffic leaves: tunnel (to the cloud), nat (masqueraded behind the WAN address; sessions don't survive a failover) or none (routed as it is). Left out: tunnel with the section cloud, else nat."`
	Routes     Routes       `yaml:"routes,omitempty" doc:"Who leads traffic to the right interface: own (the agent, by routing rules of its own: in Azure each NIC has a default route by DHCP, and the first NIC's counts for everything) or system (somebody else has seen to it). Left out: system."`
	Probes     Probes       `yaml:"probes" doc:"What this vSocket asks to know whether it is fit to serve."`
	HA         *HA          `yaml:"ha,omitempty" doc:"High availability. Without this section the vSocket is Master by itself; two of them are a split brain."`
	Azure      *Azure       `yaml:"azure,omitempty" doc:"Where the floating IP is moved. Needed with ha."`
	Cloud      *Cloud       `yaml:"cloud,omitempty" doc:"Where the tunnels end, and the witness is. Leave the section out where there is no PoP, or where the manager gives it; device and private_key may be here alone then."`
}

// Interfaces names the guest's interfaces and their addresses.
type Interfaces struct {
	WAN  Interface `yaml:"wan" doc:"Towards the Internet."`
	LAN  Interface `yaml:"lan" doc:"Towards the site; keepalives and the floating IP are here."`
	MGMT Interface `yaml:"mgmt" doc:"Management; carries the second keepalive path."`
}

// Interface is one of them.
type Interface struct {
	Name    string       `yaml:"name,omitempty" doc:"Name in the guest. Left out: the one that has the address when the agent starts, whatever it is called."`
	Address netip.Prefix `yaml:"address" doc:"Its own address with the subnet's length."`
}

// Egress is how the LAN's traffic leaves towards the cloud.
type Egress string

// The kinds of egress.
const (
	EgressTunnel Egress = "tunnel"
	EgressNAT    Egress = "nat"
	EgressNone   Egress = "none"
)

// Routes is who leads traffic to the right interface.
type Routes string

// Who does.
const (
	RoutesOwn    Routes = "own"
	RoutesSystem Routes = "system"
)

// Probes are the readings that fitness is made of.
type Probes struct {
	WAN      []netip.Addr  `yaml:"wan" doc:"Internet addresses that answer ping. The WAN is down when none of them answers."`
	Interval time.Duration `yaml:"interval" doc:"Time between two probes of each kind."`
	Failures int           `yaml:"failures" doc:"Probes lost in a row until a path counts as down."`
	Recovery int           `yaml:"recovery" doc:"Probes answered in a row until it counts as up again."`
}

// HA is what the two share. All of it but the peer's addresses is the same on
// both.
type HA struct {
	Peer       Peer          `yaml:"peer" doc:"The other vSocket's addresses."`
	FloatingIP netip.Addr    `yaml:"floating_ip" doc:"The address that route tables name as next hop."`
	Key        string        `yaml:"key" doc:"Secret that authenticates keepalives: 32 bytes in base64."`
	Third      Third         `yaml:"third,omitempty" doc:"Who grants the terms: witness (the PoP's) or arm (Azure). Left out: witness with the section cloud, else arm."`
	Generation uint64        `yaml:"generation" doc:"Grows with each change of these settings."`
	Keepalive  time.Duration `yaml:"keepalive" doc:"Time between two keepalives, 10ms to 1s."`
	Silent     time.Duration `yaml:"silent" doc:"Silence after which the peer counts as gone, 30ms to 3s."`
	Lease      time.Duration `yaml:"lease" doc:"How long the active serves on the peer's word, at least 3 keepalives, 3s at most."`
	Confirm    time.Duration `yaml:"confirm" doc:"How long a silence must last on, until the standby claims at Azure; 0s to claim at once."`
	Preempt    Preempt       `yaml:"preempt" doc:"Whether the primary takes the active role back: on or off."`
	Hold       time.Duration `yaml:"hold" doc:"How long all must be well before it does."`
	Alone      Alone         `yaml:"alone" doc:"What the active does with neither peer nor Azure: stay (as long as IMDS lists the floating IP as its own) or stop."`
}

// Peer is how the other vSocket is reached.
type Peer struct {
	LAN  netip.Addr `yaml:"lan" doc:"Its LAN address."`
	MGMT netip.Addr `yaml:"mgmt" doc:"Its MGMT address."`
}

// Preempt is the failback rule (R13).
type Preempt string

// The failback rules.
const (
	PreemptOn  Preempt = "on"
	PreemptOff Preempt = "off"
)

// Alone is R11's last resort.
type Alone string

// What to do alone.
const (
	AloneStay Alone = "stay"
	AloneStop Alone = "stop"
)

// Azure says where the resources are. The VNet may be in a resource group of
// its own (A7).
type Azure struct {
	Endpoint     string `yaml:"endpoint" doc:"Azure Resource Manager, https."`
	Audience     string `yaml:"audience,omitempty" doc:"Resource that tokens are for. Leave it out for the endpoint itself."`
	CAFile       string `yaml:"ca_file,omitempty" doc:"Certificates to trust for the endpoint besides the system's."`
	IMDS         string `yaml:"imds" doc:"Azure's instance metadata service."`
	ClientID     string `yaml:"client_id,omitempty" doc:"Client id of the user-assigned identity. Name it: a VM with two identities gets no token otherwise."`
	Subscription string `yaml:"subscription" doc:"Subscription id."`
	NIC          Ref    `yaml:"nic" doc:"This vSocket's LAN NIC."`
	PeerNIC      Ref    `yaml:"peer_nic" doc:"The other's LAN NIC."`
	PeerVM       Ref    `yaml:"peer_vm,omitempty" doc:"The other's VM. Optional: a stopped VM lets a vSocket be sure sooner."`
	Subnet       Subnet `yaml:"subnet" doc:"The LAN subnet."`
	Location     string `yaml:"location,omitempty" doc:"Azure region."`
}

// Ref names a resource.
type Ref struct {
	Group string `yaml:"resource_group" doc:"Its resource group."`
	Name  string `yaml:"name" doc:"Its name."`
}

// Subnet names a subnet of a VNet.
type Subnet struct {
	Group string `yaml:"resource_group" doc:"Resource group of the VNet; may differ from the VMs'."`
	VNet  string `yaml:"vnet" doc:"Name of the VNet."`
	Name  string `yaml:"name" doc:"Name of the subnet."`
}
