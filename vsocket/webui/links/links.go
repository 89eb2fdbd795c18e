// Package links says how each of a vSocket's interfaces is, as the guest's kernel
// sees it (vendor-system.md (b)).
package links

import (
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// State of a link. The source shows them by colours: green, orange, purple, red,
// grey.
type State string

// The states, the best first.
const (
	Connected State = "connected"  // has an address, and what it is for is reached
	NoCloud   State = "no-cloud"   // has an address, but the cloud isn't reached
	NoAddress State = "no-address" // is up without one
	Down      State = "down"
	Unplugged State = "unplugged" // there is no such interface
)

// Link is one interface.
type Link struct {
	Way       string // LAN1, WAN1, MGMT, tunnel
	Interface string
	State     State
	Addresses []netip.Prefix
	MAC       string
	MTU       int
	Received  uint64 // bytes, since the interface is there
	Sent      uint64
}

// Look looks at an interface. cloud says whether the cloud is reached by it; nil:
// that isn't its business.
func Look(way, name string, cloud *bool) (Link, error) {
	l := Link{Way: way, Interface: name, State: Unplugged}
	link, err := netlink.LinkByName(name)
	var absent netlink.LinkNotFoundError
	if errors.As(err, &absent) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return l, err
	}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP.To4()); ok {
			ones, _ := a.Mask.Size()
			l.Addresses = append(l.Addresses, netip.PrefixFrom(ip, ones))
		}
	}
	about := link.Attrs()
	l.MAC, l.MTU = about.HardwareAddr.String(), about.MTU
	if s := about.Statistics; s != nil {
		l.Received, l.Sent = s.RxBytes, s.TxBytes
	}
	// A tunnel has no carrier to speak of: its state is "unknown" (RFC 2863).
	up := about.OperState == netlink.OperUp || about.OperState == netlink.OperUnknown && about.RawFlags&iffUp != 0
	l.State = judge(up, len(l.Addresses) > 0, cloud)
	return l, nil
}

const iffUp = 1

func judge(up, address bool, cloud *bool) State {
	switch {
	case !up:
		return Down
	case !address:
		return NoAddress
	case cloud != nil && !*cloud:
		return NoCloud
	}
	return Connected
}
