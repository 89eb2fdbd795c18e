// Package config is the one file that a PoP runs from: its form, its defaults,
// what makes it wrong, and the commented sample made from it.
//
// What is wrong with one site refuses that site, and no other. What is wrong with
// the rest refuses the file.
package config

import (
	"net/netip"

	"releve.dev/releve/settings"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// Config is /etc/releve/pop.yaml. A field's doc tag is its comment in the
// generated sample.
type Config struct {
	Name     string       `yaml:"name" doc:"Name of the PoP, for people."`
	StateDir string       `yaml:"state_dir" doc:"Where the private key and the witness's record are kept. Must survive a reboot; releve-pop init makes it."`
	RunDir   string       `yaml:"run_dir" doc:"Where the status socket is. May be lost at a reboot."`
	Uplink   Uplink       `yaml:"uplink" doc:"The interface towards the Internet. Sites' traffic is masqueraded behind it, and tunnels come in by it."`
	Listen   Listen       `yaml:"listen" doc:"UDP ports of the tunnels."`
	Devices  Devices      `yaml:"devices" doc:"Names that the tunnels' interfaces get. No other program on this machine may use them, in whatever network namespace."`
	Witness  Witness      `yaml:"witness" doc:"Where vSockets reach the witness, inside their tunnels."`
	Sites    []Site       `yaml:"sites" doc:"The sites. One that is wrong, or that collides with one above it, is refused; the others are served. Add new ones at the end."`
	Revoked  []tunnel.Key `yaml:"revoked,omitempty" doc:"Public keys that are never served again, whatever stands above."`
}

// Uplink is the way to the Internet.
type Uplink struct {
	Name    string     `yaml:"name" doc:"Name of the interface."`
	Address netip.Addr `yaml:"address" doc:"Its address."`
	Public  netip.Addr `yaml:"public,omitempty" doc:"Public address that leads to it, where that is another one. The manager tells it to vSockets; those that have their PoPs in a file name it themselves."`
}

// Endpoint is where vSockets find the PoP.
func (u Uplink) Endpoint() netip.Addr {
	if u.Public.IsValid() {
		return u.Public
	}
	return u.Address
}

// Listen has the tunnels' ports.
type Listen struct {
	Primary   int `yaml:"primary" doc:"That of all primaries."`
	Secondary int `yaml:"secondary" doc:"That of all secondaries."`
}

// Port is that of one side.
func (l Listen) Port(side site.Side) int {
	if side == site.Secondary {
		return l.Secondary
	}
	return l.Primary
}

// Devices has the tunnels' interfaces.
type Devices struct {
	Primary   string `yaml:"primary" doc:"That of all primaries."`
	Secondary string `yaml:"secondary" doc:"That of all secondaries."`
}

// Name is that of one side.
func (d Devices) Name(side site.Side) string {
	if side == site.Secondary {
		return d.Secondary
	}
	return d.Primary
}

// Witness is an address inside the tunnels.
type Witness struct {
	Address netip.Addr `yaml:"address" doc:"Its address, of 100.64.0.0/10."`
	Port    int        `yaml:"port" doc:"Its UDP port."`
}

// Site is two vSockets, or one, and what is behind them.
type Site struct {
	Name      string         `yaml:"name" doc:"Name of the site, for people."`
	ID        uint32         `yaml:"id" doc:"Its number, the same in both vSockets' settings. Never give it to another site: the witness keeps its terms by it."`
	Ranges    []netip.Prefix `yaml:"ranges" doc:"Its native range: the addresses behind its vSockets."`
	Primary   *VSocket       `yaml:"primary,omitempty" doc:"The primary."`
	Secondary *VSocket       `yaml:"secondary,omitempty" doc:"The secondary. Leave it out where there is one vSocket alone."`
}

// VSocket is the vSocket of a side, or nil.
func (s *Site) VSocket(side site.Side) *VSocket {
	switch side {
	case site.Primary:
		return s.Primary
	case site.Secondary:
		return s.Secondary
	}
	return nil
}

// First is the side that a site's traffic goes to until a witness says another:
// the primary, unless it isn't served.
func (s *Site) First() site.Side {
	if s.Primary == nil {
		return site.Secondary
	}
	return site.Primary
}

// VSocket is one of a site's two.
type VSocket struct {
	PublicKey  tunnel.Key `yaml:"public_key" doc:"Its WireGuard key; releve-vsocket config check tells it."`
	Address    netip.Addr `yaml:"address" doc:"Its address inside the tunnel, of 100.64.0.0/10."`
	WitnessKey string     `yaml:"witness_key" doc:"Secret that it shares with the witness alone: 32 bytes in base64."`
}

// WitnessKeyBytes returns the key of a checked Config.
func (v *VSocket) WitnessKeyBytes() []byte { return settings.KeyBytes(v.WitnessKey) }

// Default is what a file that says nothing means.
func Default() Config {
	return Config{
		StateDir: "/var/lib/releve-pop",
		RunDir:   "/run/releve-pop",
		Listen:   Listen{Primary: 51820, Secondary: 51821},
		Devices:  Devices{Primary: "rlv-p", Secondary: "rlv-s"},
		Witness:  Witness{Address: netip.MustParseAddr("100.64.0.1"), Port: 20481},
	}
}
