package hub

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/site"
)

// Downstream sends the site's traffic to a side: a route replaced for each of its
// ranges. It is what a granted term does, and takes some ten microseconds a range.
// If it fails the wish stays, and is fulfilled when the side's device is up again.
func (h *Hub) Downstream(name string, side site.Side) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, err := h.find(name, side)
	if err != nil {
		return err
	}
	s.down = side
	return h.routeDown(s)
}

func (h *Hub) routeDown(s *served) error {
	d := h.devices[s.down]
	if d == nil {
		return fmt.Errorf("route site %s to its %s: device %s is down", s.Name, s.down, h.cfg.Devices.Name(s.down))
	}
	for _, r := range s.Ranges {
		if err := h.links.RouteReplace(h.route(r, d.Index())); err != nil {
			return fmt.Errorf("route %s of site %s to its %s: %w", r, s.Name, s.down, err)
		}
	}
	return nil
}

// route leads to a device. What the PoP itself sends there comes from the witness's
// address: no other of its own is known inside the tunnels.
func (h *Hub) route(to netip.Prefix, device int) *netlink.Route {
	return &netlink.Route{Dst: ipNet(to), LinkIndex: device, Scope: netlink.SCOPE_LINK, Src: h.cfg.Witness.Address.AsSlice()}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// inside are the addresses of a site's vSockets, each by its own device always.
func (s *served) inside() map[netip.Prefix]site.Side {
	all := map[netip.Prefix]site.Side{}
	if s == nil {
		return all
	}
	for _, side := range Sides {
		if v := s.VSocket(side); v != nil {
			all[netip.PrefixFrom(v.Address, 32)] = side
		}
	}
	return all
}

// ways are all routes of a site.
func (s *served) ways() map[netip.Prefix]site.Side {
	all := s.inside()
	if s != nil {
		for _, r := range s.Ranges {
			all[r] = s.down
		}
	}
	return all
}

// changeRoutes makes the routes those of the sites now; what hasn't changed is left
// alone. New ones are there before old ones go: a range may have a new owner.
func (h *Hub) changeRoutes(before map[uint32]*served) error {
	var failed error
	now := map[netip.Prefix]bool{}
	for id, s := range h.served {
		old := before[id].ways()
		for r, side := range s.ways() {
			now[r] = true
			if was, same := old[r]; !same || was != side {
				failed = errors.Join(failed, h.routeOne(r, side))
			}
		}
	}
	for _, old := range before {
		for r, side := range old.ways() {
			if !now[r] {
				failed = errors.Join(failed, h.unroute(r, side))
			}
		}
	}
	return failed
}

// routeAll makes the routes to one device, after it was opened again.
func (h *Hub) routeAll(side site.Side) error {
	var failed error
	for _, s := range h.served {
		for r, way := range s.ways() {
			if way == side {
				failed = errors.Join(failed, h.routeOne(r, side))
			}
		}
	}
	return failed
}

func (h *Hub) routeOne(r netip.Prefix, side site.Side) error {
	d := h.devices[side]
	if d == nil {
		return nil // routeAll makes it when the device is up again
	}
	if err := h.links.RouteReplace(h.route(r, d.Index())); err != nil {
		return fmt.Errorf("route %s to %s: %w", r, d.Name(), err)
	}
	return nil
}

func (h *Hub) unroute(r netip.Prefix, side site.Side) error {
	d := h.devices[side]
	if d == nil {
		return nil // it went with its device
	}
	if err := h.links.RouteDel(h.route(r, d.Index())); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("take away the route %s to %s: %w", r, d.Name(), err)
	}
	return nil
}
