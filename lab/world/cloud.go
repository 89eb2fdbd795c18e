package world

import (
	"net/netip"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
	"releve.dev/releve/vsocket/config"
)

// Sites of the lab, as the PoP knows them.
const (
	labSite    = "lab"
	branchSite = "branch"
)

// WireGuard's ports of a PoP: one for all primaries, one for all secondaries.
const (
	primaryPort   = 51820
	secondaryPort = 51821
)

// pop is a PoP of the cloud.
type pop struct {
	node    string
	addr    netip.Addr
	devices map[site.Side]string // its tunnels, by the side at whose vSockets they end
	key     tunnel.Key           // public
}

// newPoPs makes the first PoPs of the vSockets' list.
func newPoPs(count int) []*pop {
	return []*pop{
		{node: PoP1, addr: azuresite.PoP1Addr, devices: map[site.Side]string{site.Primary: "rlv-p1p", site.Secondary: "rlv-p1s"}},
		{node: PoP2, addr: azuresite.PoP2Addr, devices: map[site.Side]string{site.Primary: "rlv-p2p", site.Secondary: "rlv-p2s"}},
	}[:count]
}

// witness is each PoP's, inside the tunnels.
var witness = netip.MustParseAddrPort("100.64.0.1:20481")

// cloud is what the tunnels' ends know of each other.
type cloud struct {
	ends map[string]*tunnelEnd // by vSocket
	pops []*pop                // best first
}

// tunnelEnd is a vSocket's.
type tunnelEnd struct {
	site    uint64
	port    uint16 // at a PoP
	device  string // its name is the lab's alone: wireguard-go's sockets share a folder
	address netip.Addr

	key     tunnel.Key // private
	witness string     // key
}

func newCloud(pops int) *cloud {
	return &cloud{pops: newPoPs(pops), ends: map[string]*tunnelEnd{
		Primary:   newTunnelEnd(1, primaryPort, "rlv-prim", "100.64.1.1"),
		Secondary: newTunnelEnd(1, secondaryPort, "rlv-sec", "100.64.1.2"),
		Branch:    newTunnelEnd(2, primaryPort, "rlv-branch", "100.64.2.1"),
	}}
}

func newTunnelEnd(site uint64, port uint16, device, address string) *tunnelEnd {
	return &tunnelEnd{site: site, port: port, device: device, address: netip.MustParseAddr(address),
		key: tunnel.GenerateKey(), witness: newKey()}
}

// of is a vSocket's section of its configuration.
func (c *cloud) of(node string) *config.Cloud {
	e := c.ends[node]
	s := &config.Cloud{PrivateKey: e.key.String(), Device: e.device, Address: e.address, SiteID: e.site, WitnessKey: e.witness}
	for _, p := range c.pops {
		s.PoPs = append(s.PoPs, config.PoP{Name: p.node, Endpoint: netip.AddrPortFrom(p.addr, e.port), PublicKey: p.key.String(), Witness: witness})
	}
	return s
}

// nobody's values stand in a vSocket's file for what its manager decides: the file
// must be whole, and the device's name and the key are the lab's. A vSocket that went
// by them would reach nobody.
var (
	nobodysAddress = netip.MustParseAddr("100.127.0.1")
	nobodysPoP     = netip.MustParseAddrPort("203.0.113.254:51820")
)

const nobodysSite = 4_000_000

// blank leaves what only the vSocket has.
func (c *cloud) blank(s *config.Cloud) {
	s.Address, s.SiteID, s.WitnessKey = nobodysAddress, nobodysSite, newKey()
	s.PoPs = []config.PoP{{Name: "nobody", Endpoint: nobodysPoP, PublicKey: tunnel.GenerateKey().Public().String(), Witness: witness}}
}

// at is the PoP that is a node, nil for another node.
func (c *cloud) at(node string) *pop {
	for _, p := range c.pops {
		if p.node == node {
			return p
		}
	}
	return nil
}
