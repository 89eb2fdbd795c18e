// Package nics finds the guest's interfaces by their addresses. Azure promises no
// order of names: a NIC that is eth1 today may be eth2 after the next boot, while
// its address is what Azure gives to the NIC itself.
package nics

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrAbsent is wrapped by the error of Find if no interface has the address.
var ErrAbsent = errors.New("no interface has the address")

// Find returns the names of the interfaces that have the addresses, in their order.
// The error says of all that are absent.
func Find(addrs ...netip.Addr) ([]string, error) {
	present, err := all()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(addrs))
	var errs []error
	for i, addr := range addrs {
		if names[i] = present[addr]; names[i] == "" {
			errs = append(errs, absent{addr})
		}
	}
	return names, errors.Join(errs...)
}

type absent struct{ addr netip.Addr }

func (a absent) Error() string { return fmt.Sprintf("%s %s", ErrAbsent, a.addr) }
func (a absent) Unwrap() error { return ErrAbsent }

// lookPace is how soon an interface is seen that has come.
const lookPace = 200 * time.Millisecond

// Await is Find as soon as none is absent: DHCP may take its time at a boot. tell
// is told what is absent whenever that changes.
func Await(ctx context.Context, tell func(error), addrs ...netip.Addr) ([]string, error) {
	pace := time.NewTicker(lookPace)
	defer pace.Stop()
	told := ""
	for {
		names, err := Find(addrs...)
		if !errors.Is(err, ErrAbsent) {
			return names, err
		}
		if text := err.Error(); text != told {
			told = text
			tell(err)
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// all are the interfaces by their IPv4 addresses. An address that two have is the
// one's that is up.
func all() (map[netip.Addr]string, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("listing the interfaces: %w", err)
	}
	slices.SortStableFunc(links, func(a, b netlink.Link) int { return up(a) - up(b) })
	present := map[netip.Addr]string{}
	for _, link := range links {
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			if errors.Is(err, unix.ENODEV) { // gone meanwhile
				continue
			}
			return nil, fmt.Errorf("addresses of %s: %w", link.Attrs().Name, err)
		}
		for _, addr := range addrs {
			if ip, ok := netip.AddrFromSlice(addr.IP.To4()); ok {
				present[ip] = link.Attrs().Name
			}
		}
	}
	return present, nil
}

func up(link netlink.Link) int { return int(link.Attrs().RawFlags & unix.IFF_UP) }
