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
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Guest holds the floating IP on one interface, and while a change of it is under
// way the former one beside it.
type Guest struct {
	link  netlink.Link
	addrs []netip.Addr
	on    bool
}

// New finds the interface and takes off it what was left there of the floating IP
// and of former ones. The guest has the floating IP alone until Addresses says
// otherwise.
func New(iface string, floatingIP netip.Addr, former ...netip.Addr) (*Guest, error) {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return nil, fmt.Errorf("LAN interface %q: %w\nhint: compare `interfaces` in the config with `ip link`", iface, err)
	}
	g := &Guest{link: link, addrs: []netip.Addr{floatingIP}}
	if err := g.remove(append([]netip.Addr{floatingIP}, former...)); err != nil {
		return nil, err
	}
	return g, nil
}

// Addresses says which they are from now on. Where they are on, new ones are added
// before old ones go.
func (g *Guest) Addresses(list []netip.Addr) error {
	gone := slices.DeleteFunc(slices.Clone(g.addrs), func(addr netip.Addr) bool { return slices.Contains(list, addr) })
	g.addrs = slices.Clone(list)
	if err := g.FloatingIP(g.on); err != nil {
		return err
	}
	return g.remove(gone)
}

// FloatingIP adds the addresses or takes them off. Either may be asked for again.
func (g *Guest) FloatingIP(on bool) error {
	g.on = on
	if !on {
		return g.remove(g.addrs)
	}
	for _, addr := range g.addrs {
		ip := addr.As4()
		wanted := &netlink.Addr{IPNet: &net.IPNet{IP: ip[:], Mask: net.CIDRMask(32, 32)}, Scope: unix.RT_SCOPE_UNIVERSE}
		if err := netlink.AddrReplace(g.link, wanted); err != nil {
			return fmt.Errorf("adding %s to %s: %w%s", wanted.IPNet, g.link.Attrs().Name, err, hint(err))
		}
	}
	return nil
}

// remove takes addresses off with every prefix length that they are there with.
func (g *Guest) remove(addrs []netip.Addr) error {
	if len(addrs) == 0 {
		return nil
	}
	present, err := netlink.AddrList(g.link, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("reading the addresses of %s: %w", g.link.Attrs().Name, err)
	}
	for _, there := range present {
		addr, _ := netip.AddrFromSlice(there.IP)
		if !slices.Contains(addrs, addr.Unmap()) {
			continue
		}
		err := netlink.AddrDel(g.link, &netlink.Addr{IPNet: there.IPNet})
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("removing %s from %s: %w%s", there.IPNet, g.link.Attrs().Name, err, hint(err))
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
