package fabric_test

import (
	"net"
	"net/netip"
	"testing"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric"
)

// The site of the tests:
//
//	client 10.102.4.4 --(route table: 10.102.5.0/24, 0/0 via the FIP)--> FIP 10.102.2.200
//	primary   lan 10.102.2.10 (holds the FIP)  wan 10.102.1.10 = 203.0.113.100
//	secondary lan 10.102.2.11                  wan 10.102.1.11 = 203.0.113.101
//	server 10.102.5.5 (route table: 10.102.4.0/24 via the FIP)
//	internet 203.0.113.10
const (
	clientNIC       = "/nics/client"
	serverNIC       = "/nics/server"
	primaryLAN      = "/nics/primary-lan"
	primaryWAN      = "/nics/primary-wan"
	secondaryLAN    = "/nics/secondary-lan"
	secondaryWAN    = "/nics/secondary-wan"
	primaryVM       = "/vms/primary"
	secondaryVM     = "/vms/secondary"
	fip             = "10.102.2.200"
	internetHost    = "203.0.113.10"
	primaryPublic   = "203.0.113.100"
	secondaryPublic = "203.0.113.101"
	gatewayMAC      = "12:34:56:78:9a:bc"
)

// site is a fabric, its guests, and the plane, which tests edit and publish.
type site struct {
	*fabric.Fabric
	t      testing.TB
	plane  plane.Plane
	guests map[string]*guest // by VM name
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }
func addr(text string) netip.Addr     { return netip.MustParseAddr(text) }

func nic(id, vm string, last byte, subnet string, addrs ...string) plane.NIC {
	n := plane.NIC{
		ID: id, Name: id, VM: vm, VNet: "/vnets/site",
		MAC:       net.HardwareAddr{0, 0x0d, 0x3a, 0, 0, last},
		VNetSpace: []netip.Prefix{prefix("10.102.0.0/16")},
		Subnet:    prefix(subnet),
		Routes: []plane.Route{
			{Prefix: prefix("10.102.0.0/16"), Hop: plane.VNetLocal},
			{Prefix: prefix("10.0.0.0/8"), Hop: plane.None},
			{Prefix: prefix("0.0.0.0/0"), Hop: plane.Internet},
		},
	}
	for _, a := range addrs {
		n.Addrs = append(n.Addrs, addr(a))
	}
	return n
}

// viaFIP puts a user route in front of the system's.
func viaFIP(n plane.NIC, dst ...string) plane.NIC {
	var user []plane.Route
	for _, d := range dst {
		user = append(user, plane.Route{Prefix: prefix(d), Hop: plane.VirtualAppliance, Via: addr(fip), User: true})
	}
	n.Routes = append(user, n.Routes...)
	return n
}

func sitePlane() plane.Plane {
	lan1 := nic(primaryLAN, primaryVM, 0x10, "10.102.2.0/24", "10.102.2.10", fip)
	lan2 := nic(secondaryLAN, secondaryVM, 0x11, "10.102.2.0/24", "10.102.2.11")
	wan1 := nic(primaryWAN, primaryVM, 0x20, "10.102.1.0/24", "10.102.1.10")
	wan2 := nic(secondaryWAN, secondaryVM, 0x21, "10.102.1.0/24", "10.102.1.11")
	wan1.Public = map[netip.Addr]netip.Addr{addr("10.102.1.10"): addr(primaryPublic)}
	wan2.Public = map[netip.Addr]netip.Addr{addr("10.102.1.11"): addr(secondaryPublic)}
	for _, n := range []*plane.NIC{&lan1, &lan2, &wan1, &wan2} {
		n.Forwarding = true
	}
	return plane.Plane{Version: 1, NICs: []plane.NIC{
		viaFIP(nic(clientNIC, "/vms/client", 0x04, "10.102.4.0/24", "10.102.4.4"), "10.102.5.0/24"),
		viaFIP(nic(serverNIC, "/vms/server", 0x05, "10.102.5.0/24", "10.102.5.5"), "10.102.4.0/24"),
		lan1, lan2, wan1, wan2,
	}}
}

// edit publishes a changed copy of the plane.
func (s *site) edit(change func(*plane.Plane)) {
	next := plane.Plane{Version: s.plane.Version + 1}
	for _, n := range s.plane.NICs {
		n.Addrs = append([]netip.Addr(nil), n.Addrs...)
		next.NICs = append(next.NICs, n)
	}
	change(&next)
	s.plane = next
	s.SetPlane(&next)
}

func nicOf(p *plane.Plane, id string) *plane.NIC {
	for i := range p.NICs {
		if p.NICs[i].ID == id {
			return &p.NICs[i]
		}
	}
	panic("no NIC " + id)
}

// moveFIP makes Azure deliver the floating IP to the given NIC.
func (s *site) moveFIP(to string) {
	s.edit(func(p *plane.Plane) {
		for _, id := range []string{primaryLAN, secondaryLAN} {
			n := nicOf(p, id)
			n.Addrs = n.Addrs[:1]
			if id == to {
				n.Addrs = append(n.Addrs, addr(fip))
			}
		}
	})
}

// newSite brings the whole site up.
func newSite(t testing.TB) *site { return newSiteWith(t, 0) }

func newSiteWith(t testing.TB, queueLen int) *site {
	t.Helper()
	s := &site{t: t, plane: sitePlane(), guests: make(map[string]*guest)}
	for _, name := range []string{"client", "server", "primary", "secondary", "internet"} {
		s.guests[name] = newGuest(t)
	}
	s.Fabric = fabric.New(fabric.Options{QueueLen: queueLen})
	t.Cleanup(s.Close)
	s.SetPlane(&s.plane)
	s.attach("client", "eth0", clientNIC, "10.102.4.4/24", "10.102.4.1")
	s.attach("server", "eth0", serverNIC, "10.102.5.5/24", "10.102.5.1")
	for i, vm := range []string{"primary", "secondary"} {
		host := []string{"10", "11"}[i]
		s.attach(vm, "wan", []string{primaryWAN, secondaryWAN}[i], "10.102.1."+host+"/24", "10.102.1.1")
		s.attach(vm, "lan", []string{primaryLAN, secondaryLAN}[i], "10.102.2."+host+"/24", "")
		g := s.guests[vm]
		g.sysctl("net.ipv4.ip_forward", "1")
		g.route("lan", "10.102.4.0/24", "10.102.2.1")
		g.route("wan", "10.102.5.0/24", "10.102.1.1")
	}
	host := s.guests["internet"]
	if err := s.AttachPublic(host.ns, "eth0", addr(internetHost)); err != nil {
		t.Fatal(err)
	}
	host.address("eth0", internetHost+"/32")
	host.route("eth0", "0.0.0.0/0", "192.0.2.1")
	return s
}

func (s *site) attach(vm, ifname, id, address, gateway string) {
	s.t.Helper()
	g := s.guests[vm]
	if err := s.AttachNIC(g.ns, ifname, id); err != nil {
		s.t.Fatal(err)
	}
	g.address(ifname, address)
	if gateway != "" {
		g.route(ifname, "0.0.0.0/0", gateway)
	}
}

// counters are those of one NIC.
func (s *site) counters(name string) fabric.NICStats {
	for _, n := range s.Stats().NICs {
		if n.Name == name {
			return n
		}
	}
	s.t.Fatalf("no counters of %s", name)
	return fabric.NICStats{}
}

func (s *site) dropped(name, reason string) uint64 { return s.counters(name).Dropped[reason] }

// viaRigid makes the client's default route lead to a VM that doesn't forward.
func viaRigid(p *plane.Plane) {
	user := plane.Route{Prefix: prefix("0.0.0.0/0"), Hop: plane.VirtualAppliance, Via: addr("10.102.5.5"), User: true}
	client := nicOf(p, clientNIC)
	client.Routes = append([]plane.Route{user}, client.Routes[2:]...)
}
