// Package hub ends the tunnels of all sites on two WireGuard devices, one for the
// primaries and one for the secondaries, and says which way each site's traffic
// goes: down by a route for each of its ranges to one device or the other, up by
// what the fence lets in. A change of sides is a route replaced and nothing else,
// which loses no packet (dataplane.md section 3).
//
// A Hub's methods may be called from any goroutine. It acts in the network
// namespace in which it was opened.
package hub

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/egress"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// ErrNoSite is wrapped by the error about a site, or a side of one, that isn't served.
var ErrNoSite = errors.New("is not served")

// Sides are the two.
var Sides = []site.Side{site.Primary, site.Secondary}

// Hub is open.
type Hub struct {
	cfg     *config.Config // its devices, ports and addresses; the sites are in served
	key     tunnel.Key
	program []string
	fence   *egress.Egress
	links   *netlink.Handle

	loading sync.Mutex // of Serve and reopen, which may take long; taken before mu
	mu      sync.Mutex
	devices map[site.Side]*tunnel.Device // those that are up
	served  map[uint32]*served           // by the site's number
	byName  map[string]*served
}

// served is a site and which way its traffic goes.
type served struct {
	config.Site
	down site.Side
	up   []site.Side
}

// Open makes the devices, without a site. Leftovers of a killed PoP are cleared.
// The program is what tunnel.Config wants.
func Open(cfg *config.Config, key tunnel.Key, program []string, fence *egress.Egress) (*Hub, error) {
	h := &Hub{cfg: cfg, key: key, program: program, fence: fence,
		devices: map[site.Side]*tunnel.Device{}, served: map[uint32]*served{}, byName: map[string]*served{}}
	if err := h.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("hub: %w", err), h.Close())
	}
	return h, nil
}

func (h *Hub) begin() (err error) {
	if h.links, err = netlink.NewHandle(); err != nil {
		return err
	}
	if err := kernelForwards(); err != nil {
		return err
	}
	if err := h.witnessAddress(h.links.AddrReplace); err != nil {
		return fmt.Errorf("the witness's address on lo: %w", err)
	}
	for _, side := range Sides {
		if err := tunnel.Remove(h.cfg.Devices.Name(side)); err != nil {
			return err
		}
		d, err := h.openDevice(side)
		if err != nil {
			return err
		}
		h.setDevice(side, d)
	}
	return nil
}

func (h *Hub) openDevice(side site.Side) (*tunnel.Device, error) {
	name := h.cfg.Devices.Name(side)
	d, err := tunnel.Open(tunnel.Config{Name: name, PrivateKey: h.key, ListenPort: h.cfg.Listen.Port(side), Program: h.program})
	if err != nil {
		return nil, err
	}
	if err := kernelAllows(name); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (h *Hub) setDevice(side site.Side, d *tunnel.Device) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.devices[side] = d
}

func (h *Hub) witnessAddress(do func(netlink.Link, *netlink.Addr) error) error {
	lo, err := h.links.LinkByName("lo")
	if err != nil {
		return err
	}
	return do(lo, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(h.cfg.Witness.Address, 32))})
}

// Serve makes these the sites that are served. One that was before, by its number,
// keeps its ways and its sessions; what hasn't changed feels nothing.
func (h *Hub) Serve(sites []config.Site) error {
	h.loading.Lock()
	defer h.loading.Unlock()
	failed := h.changeWays(sites)
	for _, side := range Sides {
		failed = errors.Join(failed, h.setPeers(side))
	}
	return failed
}

func (h *Hub) changeWays(sites []config.Site) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.served
	h.served, h.byName = map[uint32]*served{}, map[string]*served{}
	for i := range sites {
		s := &served{Site: sites[i], down: sites[i].First(), up: []site.Side{sites[i].First()}}
		if old := before[s.ID]; old != nil {
			s.keep(old)
		}
		h.served[s.ID], h.byName[s.Name] = s, s
	}
	return errors.Join(h.changeFence(before, h.served), h.changeRoutes(before))
}

// keep takes over the ways of the site's former settings, as far as they still lead
// somewhere.
func (s *served) keep(old *served) {
	if s.VSocket(old.down) != nil {
		s.down = old.down
	}
	up := slices.DeleteFunc(slices.Clone(old.up), func(side site.Side) bool { return s.VSocket(side) == nil })
	if len(up) > 0 || len(old.up) == 0 {
		s.up = up
	}
}

// up is a side's device, or nil while it is down.
func (h *Hub) up(side site.Side) *tunnel.Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.devices[side]
}

// setPeers tells a device whom it serves. One that is down is told when it is up
// again.
func (h *Hub) setPeers(side site.Side) error {
	d := h.up(side)
	if d == nil {
		return nil
	}
	return d.Set(h.peers(side))
}

func (h *Hub) peers(side site.Side) (peers []tunnel.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.served {
		if v := s.VSocket(side); v != nil {
			allowed := append([]netip.Prefix{netip.PrefixFrom(v.Address, 32)}, s.Ranges...)
			peers = append(peers, tunnel.Peer{PublicKey: v.PublicKey, Allowed: allowed})
		}
	}
	return peers
}

// find returns the site of that name, if it has a vSocket on each of the sides.
func (h *Hub) find(name string, sides ...site.Side) (*served, error) {
	s := h.byName[name]
	if s == nil {
		return nil, fmt.Errorf("site %s %w", name, ErrNoSite)
	}
	for _, side := range sides {
		if s.VSocket(side) == nil {
			return nil, fmt.Errorf("the %s of site %s %w", side, name, ErrNoSite)
		}
	}
	return s, nil
}

// Renew begins the session with a vSocket anew.
func (h *Hub) Renew(name string, side site.Side) error {
	h.mu.Lock()
	s, err := h.find(name, side)
	h.mu.Unlock()
	if err != nil {
		return err
	}
	d := h.up(side)
	if d == nil {
		return fmt.Errorf("device %s is down", h.cfg.Devices.Name(side))
	}
	return d.Renew(s.VSocket(side).PublicKey)
}

// Close takes away the devices, with their routes, and the witness's address. Run
// must have returned.
func (h *Hub) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var failed error
	for side, d := range h.devices {
		if d != nil {
			failed = errors.Join(failed, d.Close())
		}
		delete(h.devices, side)
	}
	if h.links != nil {
		failed = errors.Join(failed, h.witnessAddress(h.links.AddrDel))
		h.links.Close()
		h.links = nil
	}
	return failed
}
