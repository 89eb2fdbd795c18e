package world

import (
	"net/netip"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
)

// The other site, of azuresite.Sites: one vSocket on the Internet, without HA settings, and a
// machine in its LAN.
var (
	branchLAN    = netip.MustParsePrefix("10.103.2.4/24")
	branchMGMT   = netip.MustParsePrefix("10.103.3.4/24")
	BranchPCAddr = netip.MustParseAddr("10.103.2.10")
)

// bootBranch makes both of the site's machines, with a cable for the LAN and
// one for MGMT, which nobody uses.
func (w *World) bootBranch() error {
	vsocket, err := w.newHost(Branch)
	if err != nil {
		return err
	}
	pc, err := w.newHost(BranchPC)
	if err != nil {
		return err
	}
	if err := w.fabric.AttachPublic(vsocket.NS, azuresite.WAN, azuresite.BranchAddr); err != nil {
		return err
	}
	for own, other := range map[string]string{azuresite.LAN: uplink, azuresite.MGMT: azuresite.MGMT} {
		if err := cable(vsocket, own, pc, other); err != nil {
			return err
		}
	}
	if err := configure(vsocket, []guest{
		{azuresite.WAN, netip.PrefixFrom(azuresite.BranchAddr, 32)}, {azuresite.LAN, branchLAN}, {azuresite.MGMT, branchMGMT},
	}, []way{{anywhere, nextHop, azuresite.WAN}}); err != nil {
		return err
	}
	return configure(pc, []guest{{uplink, netip.PrefixFrom(BranchPCAddr, branchLAN.Bits())}},
		[]way{{anywhere, branchLAN.Addr(), uplink}})
}

// cable connects two hosts directly.
func cable(a *room.Host, ifaceA string, b *room.Host, ifaceB string) error {
	handle, err := a.Netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	return handle.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: ifaceA},
		PeerName: ifaceB, PeerNamespace: netlink.NsFd(b.NS)})
}

// branchConfig is what the other site's vSocket runs from.
func (w *World) branchConfig() config.Config {
	c := config.Default()
	c.Site, c.Side = branchSite, site.Primary
	c.StateDir, c.RunDir = w.stateDir(Branch), w.runDir(Branch)
	c.Interfaces = config.Interfaces{
		WAN:  config.Interface{Name: azuresite.WAN, Address: netip.PrefixFrom(azuresite.BranchAddr, 24)},
		LAN:  config.Interface{Name: azuresite.LAN, Address: branchLAN},
		MGMT: config.Interface{Name: azuresite.MGMT, Address: branchMGMT},
	}
	c.Probes.WAN = []netip.Addr{azuresite.InternetAddr}
	c.Egress, c.Cloud = config.EgressTunnel, w.cloud.of(Branch)
	return c
}

// startBranch starts the other site's agent.
func (w *World) startBranch() error {
	p, err := w.newVSocket(Branch)
	if err != nil {
		return err
	}
	text, err := checkedText(Branch, w.branchConfig())
	if err != nil {
		return err
	}
	if err := p.write(text); err != nil {
		return err
	}
	return p.run()
}
