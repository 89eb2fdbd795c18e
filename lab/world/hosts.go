package world

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/fabric"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
)

// uplink is the interface of the hosts that have just one.
const uplink = "eth0"

// startNetwork makes the fabric and the hosts.
func (w *World) startNetwork() error {
	w.fabric = fabric.New(fabric.Options{Logger: w.log})
	w.later(w.fabric.Close)
	w.azure.OnPlane(w.fabric.SetPlane)
	for node, addr := range publicHosts {
		if slices.Contains(pops, node) && w.cloud.at(node) == nil || node == Manager && !w.opt.Managed {
			continue
		}
		if err := w.bootPublic(node, addr); err != nil {
			return err
		}
	}
	if w.opt.Cloud {
		if err := w.bootBranch(); err != nil {
			return err
		}
	}
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		if w.opt.Bare {
			break // they are deployed
		}
		if err := w.bootVSocket(side); err != nil {
			return err
		}
	}
	if w.opt.Zones && !w.opt.Bare {
		if err := w.fabric.Delay(w.vmID(Primary), w.vmID(Secondary), zoneDelay); err != nil {
			return err
		}
	}
	return w.bootVM1()
}

// publicHosts are those with one interface, on the Internet.
var publicHosts = map[string]netip.Addr{Internet: azuresite.InternetAddr, Azure: azuresite.AzureAddr, PoP1: azuresite.PoP1Addr, PoP2: azuresite.PoP2Addr,
	Manager: azuresite.ManagerAddr}

// nextHop of a public host is any address: the Internet routes by itself.
var nextHop = netip.MustParseAddr("192.0.2.1")

func (w *World) bootPublic(node string, addr netip.Addr) error {
	host, err := w.newHost(node)
	if err != nil {
		return err
	}
	if err := w.fabric.AttachPublic(host.NS, uplink, addr); err != nil {
		return err
	}
	if p := w.cloud.at(node); p != nil {
		if err := w.downstream.follow(p, host, w.life.Done()); err != nil {
			return err
		}
	}
	return configure(host, []guest{{uplink, netip.PrefixFrom(addr, 32)}}, []way{{anywhere, nextHop, uplink}})
}

// zoneDelay is one way between two availability zones: Azure promises a round
// trip below 2 ms.
const zoneDelay = 500 * time.Microsecond

func (w *World) newHost(node string) (*room.Host, error) {
	host, err := room.NewHost(node)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.hosts[node]; old != nil {
		old.Close()
	}
	w.hosts[node] = host
	return host, nil
}

// bootVSocket makes a vSocket's guest anew: a namespace without any memory,
// with its three NICs and its metadata service. Its agent is started apart.
func (w *World) bootVSocket(side site.Side) error {
	vm := azuresite.VM(side)
	host, err := w.newHost(side.String())
	if err != nil {
		return err
	}
	var guests []guest
	for _, iface := range azuresite.Interfaces {
		if err := w.fabric.AttachNIC(host.NS, iface, w.layout.NICID(vm, iface)); err != nil {
			return err
		}
		prefix := azuresite.Prefixes[iface]
		guests = append(guests, guest{iface, netip.PrefixFrom(azuresite.Addr(side, iface), prefix.Bits())})
	}
	ways := []way{
		{anywhere, site.Gateway(azuresite.Prefixes[azuresite.WAN]), azuresite.WAN},
		{azuresite.Space, site.Gateway(azuresite.Prefixes[azuresite.LAN]), azuresite.LAN},
		{netip.PrefixFrom(azuresite.AzureAddr, 32), site.Gateway(azuresite.Prefixes[azuresite.MGMT]), azuresite.MGMT},
		{netip.PrefixFrom(azuresite.ManagerAddr, 32), site.Gateway(azuresite.Prefixes[azuresite.MGMT]), azuresite.MGMT},
	}
	if err := configure(host, guests, ways); err != nil {
		return err
	}
	return w.serveIMDS(side.String(), vm)
}

func (w *World) bootVM1() error {
	host, err := w.newHost(VM1)
	if err != nil {
		return err
	}
	if err := w.fabric.AttachNIC(host.NS, uplink, w.layout.NICID(azuresite.VM1, azuresite.Work)); err != nil {
		return err
	}
	work := azuresite.Prefixes[azuresite.Work]
	if err := configure(host, []guest{{uplink, netip.PrefixFrom(azuresite.VM1Addr, work.Bits())}},
		[]way{{anywhere, site.Gateway(work), uplink}}); err != nil {
		return err
	}
	return w.serveIMDS(VM1, azuresite.VM1)
}

// startProbe sends traffic from vm1 to the Internet host and back.
func (w *World) startProbe() error {
	vm1, err := w.Host(VM1)
	if err != nil {
		return err
	}
	far, err := w.Host(Internet)
	if err != nil {
		return err
	}
	near, err := vm1.ListenUDP(&net.UDPAddr{IP: azuresite.VM1Addr.AsSlice()})
	if err != nil {
		return fmt.Errorf("open the probe in vm1: %w", err)
	}
	listener, err := far.ListenUDP(&net.UDPAddr{IP: azuresite.InternetAddr.AsSlice(), Port: probe.Port})
	if err != nil {
		near.Close()
		return fmt.Errorf("open the probe on the Internet: %w", err)
	}
	w.probe, err = probe.Start(near, listener, netip.AddrPortFrom(azuresite.InternetAddr, probe.Port), w.opt.probeInterval())
	return err
}

// guest is an interface's address, way a route of a guest.
type (
	guest struct {
		iface string
		addr  netip.Prefix
	}
	way struct {
		to    netip.Prefix
		via   netip.Addr
		iface string
	}
)

var anywhere = netip.MustParsePrefix("0.0.0.0/0")

// configure gives a guest its addresses and routes, and the metadata service's
// address, which in Azure the host answers and here the guest's loopback.
func configure(host *room.Host, guests []guest, ways []way) error {
	handle, err := host.Netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	links := map[string]int{}
	add := func(iface string, addr netip.Prefix) error {
		link, err := handle.LinkByName(iface)
		if err != nil {
			return fmt.Errorf("interface %s of host %s: %w", iface, host.Name, err)
		}
		links[iface] = link.Attrs().Index
		if err := handle.AddrAdd(link, &netlink.Addr{IPNet: ipNet(addr)}); err != nil {
			return fmt.Errorf("address %s on %s of host %s: %w", addr, iface, host.Name, err)
		}
		return handle.LinkSetUp(link)
	}
	if err := add("lo", netip.MustParsePrefix(imdsAddr+"/32")); err != nil {
		return err
	}
	for _, g := range guests {
		if err := add(g.iface, g.addr); err != nil {
			return err
		}
	}
	for _, r := range ways {
		route := &netlink.Route{Dst: ipNet(r.to), Gw: r.via.AsSlice(), LinkIndex: links[r.iface], Flags: unix.RTNH_F_ONLINK}
		if err := handle.RouteAdd(route); err != nil {
			return fmt.Errorf("route to %s by %s in host %s: %w", r.to, r.via, host.Name, err)
		}
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
