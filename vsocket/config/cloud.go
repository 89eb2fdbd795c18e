package config

import (
	"net/netip"

	"releve.dev/releve/settings"
)

// Cloud is the PoP's end as this vSocket must know it (docs/decisions/0006).
type Cloud struct {
	PrivateKey string     `yaml:"private_key" doc:"This vSocket's WireGuard key, a secret. releve-vsocket config check tells the public one, which the PoP wants."`
	Device     string     `yaml:"device" doc:"Name that the tunnel's interface gets."`
	Address    netip.Addr `yaml:"address" doc:"This vSocket's address inside the tunnel, of 100.64.0.0/10."`
	SiteID     uint64     `yaml:"site_id" doc:"The site's number at the PoP."`
	WitnessKey string     `yaml:"witness_key" doc:"Secret that authenticates the talk with the witness: 32 bytes in base64, of this vSocket's own."`
	PoPs       []PoP      `yaml:"pops" doc:"The PoPs, best first: the first that answers is used."`
}

// PoP is one of them.
type PoP struct {
	Name      string         `yaml:"name" doc:"Its name, for people."`
	Endpoint  netip.AddrPort `yaml:"endpoint" doc:"Where it ends this side's tunnels: its public address, and the port for primaries or for secondaries."`
	PublicKey string         `yaml:"public_key" doc:"Its WireGuard key."`
	Witness   netip.AddrPort `yaml:"witness" doc:"Its witness, inside the tunnel."`
}

// DefaultCloud is a section that says nothing.
func DefaultCloud() Cloud { return Cloud{Device: "rlv-tun"} }

// Third is who grants the terms (ha.md section 1).
type Third string

// The thirds.
const (
	ThirdWitness Third = "witness"
	ThirdARM     Third = "arm"
)

// PrivateKeyBytes returns the key of a checked Config.
func (c *Cloud) PrivateKeyBytes() []byte { return settings.KeyBytes(c.PrivateKey) }

// PublicKeyBytes returns the key of a checked Config.
func (p *PoP) PublicKeyBytes() []byte { return settings.KeyBytes(p.PublicKey) }

// WitnessKeyBytes returns the key of a checked Config.
func (c *Cloud) WitnessKeyBytes() []byte { return settings.KeyBytes(c.WitnessKey) }
