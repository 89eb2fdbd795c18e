// Package guest puts the floating IP on the guest's LAN interface while this
// vSocket is the active one (B2), so that it answers pings (F8). The standby must
// not have it: it would answer for the active. Transit traffic doesn't need it.
//
// The address may be there already when an agent starts: from a former self, or
// because cloud-init configured what IMDS lists, with the subnet's length. New
// removes it, whatever its length: no role is resumed (R0).
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

// New finds the interface and takes a floating IP that was left on it off.
func New(iface string, floatingIP netip.Addr) (*Guest, error) {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return nil, fmt.Errorf("LAN interface %q: %w\nhint: compare `interfaces` in the config with `ip link`", iface, err)
	}
	ip := floatingIP.As4()
	g := &Guest{link: link, addr: &netlink.Addr{
		IPNet: &net.IPNet{IP: ip[:], Mask: net.CIDRMask(32, 32)},
		Scope: unix.RT_SCOPE_UNIVERSE,
	}}
	if err := g.remove(); err != nil {
		return nil, err
	}
	return g, nil
}

// FloatingIP adds the address or takes it off. Either may be asked for again.
func (g *Guest) FloatingIP(on bool) error {
	if on {
		if err := netlink.AddrReplace(g.link, g.addr); err != nil {
			return fmt.Errorf("adding %s to %s: %w%s", g.addr.IPNet, g.link.Attrs().Name, err, hint(err))
		}
		return nil
	}
	return g.remove()
}

// remove takes the address off with every prefix length that it is there with.
func (g *Guest) remove() error {
	present, err := netlink.AddrList(g.link, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("reading the addresses of %s: %w", g.link.Attrs().Name, err)
	}
	for _, addr := range present {
		if !addr.IP.Equal(g.addr.IP) {
			continue
		}
		err := netlink.AddrDel(g.link, &netlink.Addr{IPNet: addr.IPNet})
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("removing %s from %s: %w%s", addr.IPNet, g.link.Attrs().Name, err, hint(err))
		}
	}
	return nil
}

func hint(err error) string {
	if errors.Is(err, unix.EPERM) {
		return "\nhint: run as root or with CAP_NET_ADMIN"
	}
	return ""
}
