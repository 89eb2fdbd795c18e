// Package guest puts the floating IP on the guest's LAN interface while this
// vSocket is the active one (B2), so that it answers pings (F8). The standby must
// not have it: it would answer for the active. Transit traffic doesn't need it.
//
// No gratuitous ARP is sent: in an Azure VNet it moves nothing (azure.md
// section 5).
package guest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Guest holds one address on one interface.
type Guest struct {
	link netlink.Link
	addr *netlink.Addr
}

// New finds the interface.
func New(iface string, floatingIP netip.Addr) (*Guest, error) {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return nil, fmt.Errorf("LAN interface %q: %w\nhint: compare `interfaces` in the config with `ip link`", iface, err)
	}
	ip := floatingIP.As4()
	return &Guest{link: link, addr: &netlink.Addr{
		IPNet: &net.IPNet{IP: ip[:], Mask: net.CIDRMask(32, 32)},
		Scope: unix.RT_SCOPE_UNIVERSE,
	}}, nil
}

// FloatingIP adds the address or takes it off. Either may be asked for again.
func (g *Guest) FloatingIP(on bool) error {
	if on {
		if err := netlink.AddrReplace(g.link, g.addr); err != nil {
			return fmt.Errorf("adding %s to %s: %w", g.addr.IPNet, g.link.Attrs().Name, err)
		}
		return nil
	}
	err := netlink.AddrDel(g.link, g.addr)
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("removing %s from %s: %w", g.addr.IPNet, g.link.Attrs().Name, err)
	}
	return nil
}
