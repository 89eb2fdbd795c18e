package tunnel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// table is the route table for what comes in by the LAN, and preference the place
// of the rule that leads there: before the main table (32766), after the local one
// (0), so that what is for this host itself arrives.
const (
	table      = 20480
	preference = 20480
)

// settle puts right what isn't as it should be: the device's address, the routes
// and the rule. It is cheap beside a main table with all of the Internet's routes:
// to replace a route by itself does nothing, and tells nobody.
func (t *Tunnel) settle(witness netip.Addr) error {
	link, err := netlink.LinkByName(t.cfg.Device)
	if err != nil {
		return fmt.Errorf("device %s: %w", t.cfg.Device, err)
	}
	errs := []error{t.quiet(), t.address(link), t.rules(t.cfg.LAN)}
	for _, route := range t.routes(link, witness) {
		if err := netlink.RouteReplace(&route); err != nil {
			errs = append(errs, fmt.Errorf("route %s: %w", route, err))
		}
	}
	return errors.Join(errs...)
}

// routes are all that there should be by the device in the main table, and all
// that there should be in ours. The first is for this host's own talk with the
// witness.
func (t *Tunnel) routes(link netlink.Link, witness netip.Addr) [2]netlink.Route {
	index, anywhere := link.Attrs().Index, &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	return [...]netlink.Route{
		{LinkIndex: index, Table: unix.RT_TABLE_MAIN, Scope: netlink.SCOPE_LINK, Dst: host(witness)},
		{LinkIndex: index, Table: table, Scope: netlink.SCOPE_LINK, Dst: anywhere},
	}
}

// clear takes other routes away: a former self's, or those of another PoP.
func (t *Tunnel) clear(witness netip.Addr) error {
	link, err := netlink.LinkByName(t.cfg.Device)
	if err != nil {
		return fmt.Errorf("device %s: %w", t.cfg.Device, err)
	}
	for i, want := range t.routes(link, witness) {
		filter := netlink.RT_FILTER_TABLE
		if i == 0 {
			filter |= netlink.RT_FILTER_OIF
		}
		present, err := whole(func() ([]netlink.Route, error) {
			return netlink.RouteListFiltered(netlink.FAMILY_V4, &want, filter)
		})
		if err != nil {
			return fmt.Errorf("routes of table %d: %w", want.Table, err)
		}
		for _, route := range present {
			if route.LinkIndex == want.LinkIndex && route.Dst.String() == want.Dst.String() && route.Gw == nil {
				continue
			}
			if err := netlink.RouteDel(&route); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("removing the route %s: %w", route, err)
			}
		}
	}
	return nil
}

// quiet turns the reverse-path filter off, as what the tunnel brings has come from
// anywhere. The gate does the same for the other interfaces.
func (t *Tunnel) quiet() error {
	path := filepath.Join("/proc/sys/net/ipv4/conf", t.cfg.Device, "rp_filter")
	if err := os.WriteFile(path, []byte("0"), 0); err != nil {
		return fmt.Errorf("kernel setting: %w\nhint: run as root, with /proc/sys/net writable", err)
	}
	return nil
}

func (t *Tunnel) address(link netlink.Link) error {
	present, err := whole(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_V4) })
	if err != nil {
		return fmt.Errorf("addresses of %s: %w", t.cfg.Device, err)
	}
	want := host(t.cfg.Address)
	for _, addr := range present {
		if addr.IPNet.String() == want.String() {
			return nil
		}
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: want}); err != nil {
		return fmt.Errorf("adding %s to %s: %w", want, t.cfg.Device, err)
	}
	return nil
}

// rules leads what comes in by an interface to the table; "": nothing. A rule
// that leads there too is a former self's.
func (t *Tunnel) rules(iface string) error {
	present, err := whole(func() ([]netlink.Rule, error) {
		return netlink.RuleListFiltered(netlink.FAMILY_V4, &netlink.Rule{Table: table}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("routing rules: %w", err)
	}
	there := false
	for _, rule := range present {
		if iface != "" && !there && rule.IifName == iface && rule.Priority == preference && rule.Src == nil && rule.Dst == nil {
			there = true
		} else if err := netlink.RuleDel(&rule); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("removing the rule %s: %w", rule, err)
		}
	}
	if there || iface == "" {
		return nil
	}
	rule := netlink.NewRule()
	rule.Family, rule.IifName, rule.Table, rule.Priority = netlink.FAMILY_V4, iface, table, preference
	if err := netlink.RuleAdd(rule); err != nil {
		return fmt.Errorf("rule for %s: %w\nhint: the kernel needs policy routing (CONFIG_IP_MULTIPLE_TABLES)", iface, err)
	}
	return nil
}

// whole asks again for a list that changed while the kernel told it.
func whole[T any](list func() ([]T, error)) (all []T, err error) {
	for range 10 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

// unroute takes the rule away; routes and address go with the device.
func (t *Tunnel) unroute() error { return t.rules("") }

func host(addr netip.Addr) *net.IPNet {
	return &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(addr.BitLen(), addr.BitLen())}
}
