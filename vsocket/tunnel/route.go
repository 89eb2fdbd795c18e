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
// and the rule.
func (t *Tunnel) settle(witness netip.Addr) error {
	link, err := netlink.LinkByName(t.cfg.Device)
	if err != nil {
		return fmt.Errorf("device %s: %w", t.cfg.Device, err)
	}
	return errors.Join(t.quiet(), t.address(link), t.toWitness(link, witness), t.toCloud(link), t.rules(t.cfg.LAN))
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
	present, err := netlink.AddrList(link, netlink.FAMILY_V4)
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

// toWitness is a route in the main table: it is this host that talks to the
// witness.
func (t *Tunnel) toWitness(link netlink.Link, witness netip.Addr) error {
	return only(netlink.Route{LinkIndex: link.Attrs().Index, Dst: host(witness), Src: t.cfg.Address.AsSlice(),
		Table: unix.RT_TABLE_MAIN, Scope: netlink.SCOPE_LINK}, netlink.RT_FILTER_OIF)
}

// toCloud is all that the table has.
func (t *Tunnel) toCloud(link netlink.Link) error {
	return only(netlink.Route{LinkIndex: link.Attrs().Index, Dst: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
		Table: table, Scope: netlink.SCOPE_LINK}, 0)
}

// only makes a route the only one in its table that passes the filter.
func only(want netlink.Route, filter uint64) error {
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &want, filter|netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("routes of table %d: %w", want.Table, err)
	}
	there := false
	for _, route := range present {
		if same(&route, &want) {
			there = true
		} else if err := netlink.RouteDel(&route); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("removing the route %s: %w", route, err)
		}
	}
	if there {
		return nil
	}
	if err := netlink.RouteReplace(&want); err != nil {
		return fmt.Errorf("route %s: %w", want, err)
	}
	return nil
}

func same(have, want *netlink.Route) bool {
	return have.LinkIndex == want.LinkIndex && have.Dst.String() == want.Dst.String() && have.Gw == nil &&
		(want.Src == nil || have.Src.Equal(want.Src))
}

// rules leads what comes in by an interface to the table; "": nothing. A rule
// that leads there too is a former self's.
func (t *Tunnel) rules(iface string) error {
	present, err := netlink.RuleListFiltered(netlink.FAMILY_V4, &netlink.Rule{Table: table}, netlink.RT_FILTER_TABLE)
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

// unroute takes the rule away; routes and address go with the device.
func (t *Tunnel) unroute() error { return t.rules("") }

func host(addr netip.Addr) *net.IPNet {
	return &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(addr.BitLen(), addr.BitLen())}
}
