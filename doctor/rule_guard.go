package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// flow is something of ours that the groups must let through.
type flow struct {
	code     string
	severity Severity
	what     string
	why      string
	nic      *NIC
	packet   packet
	rule     string // name of the rule that would allow it
}

// Ports of ours (docs/protocol.md).
const (
	keepalivePort = 20480
	tunnelPort    = 51820 // of primaries; one more for secondaries
)

var armTags = []string{"AzureResourceManager", "AzureCloud"}

// internet is an address of nobody's, for what goes to the Internet (RFC 5737).
var internet = netip.MustParseAddr("203.0.113.1")

func (e *examination) guards() {
	if !e.VNet.Found {
		return // what VirtualNetwork stands for isn't known
	}
	var told []string
	for _, f := range e.flows() {
		v := e.pass(f.nic, f.packet)
		key := f.code + v.guard + fmt.Sprint(f.packet.inbound)
		if !v.denied || slices.Contains(told, key) {
			continue
		}
		told = append(told, key)
		way := "outbound"
		if f.packet.inbound {
			way = "inbound"
		}
		e.add(Finding{Code: f.code, Severity: f.severity, What: fmt.Sprintf("rule %q stops %s, %s at %s", v.rule, f.what, way, f.nic.Name), Where: v.guard, Why: f.why,
			Remedies: []Remedy{e.allow(f, v)}})
	}
}

func (e *examination) flows() []flow {
	var list []flow
	for i := range e.Members {
		m, other := &e.Members[i], &e.Members[1-i]
		list = append(list, e.keepalives(m.LAN, other.LAN, Error)...)
		list = append(list, e.keepalives(m.MGMT, other.MGMT, Warning)...)
		if m.MGMT != nil && m.MGMT.Guarded {
			own := m.MGMT.Primary()
			list = append(list, flow{"nsg-arm", Error, "HTTPS to Azure Resource Manager", "the floating IP can't be moved", m.MGMT,
				packet{protocol: "Tcp", source: own.Addr, tags: armTags, port: 443, sourceASGs: own.ASGs}, "releve-arm"})
			for _, server := range e.servers(m) {
				if !private(server) && server != azureDNS {
					list = append(list, flow{"nsg-dns", Error, "DNS to " + server.String(), "Azure Resource Manager isn't found by its name", m.MGMT,
						packet{protocol: "Udp", source: own.Addr, destination: server, port: 53, sourceASGs: own.ASGs}, "releve-dns"})
				}
			}
		}
		if m.WAN != nil && m.WAN.Guarded {
			own := m.WAN.Primary()
			list = append(list, flow{"nsg-tunnel", Error, "the tunnel to the cloud", "the site is offline while this vSocket is active", m.WAN,
				packet{protocol: "Udp", source: own.Addr, destination: internet, port: tunnelPort + uint16(i), sourceASGs: own.ASGs}, "releve-tunnel"})
		}
		if m.LAN != nil && m.LAN.Guarded && m.LAN.Primary().Addr.IsValid() {
			list = append(list, flow{"nsg-lan", Error, "the site's traffic to the Internet", "what the site sends to the floating IP is dropped at the NIC", m.LAN,
				packet{inbound: true, protocol: "Tcp", source: e.worker(m.LAN), destination: internet, port: 443, toASGs: m.LAN.Primary().ASGs}, "releve-lan"})
		}
	}
	return list
}

// keepalives go each way, by the LAN and by MGMT.
func (e *examination) keepalives(from, to *NIC, severity Severity) []flow {
	if from == nil || to == nil {
		return nil
	}
	a, b := from.Primary(), to.Primary()
	p := packet{protocol: "Udp", source: a.Addr, destination: b.Addr, port: keepalivePort, sourceASGs: a.ASGs, toASGs: b.ASGs}
	in := p
	in.inbound = true
	why := "each vSocket takes the other for dead"
	if severity == Warning {
		why = "the second path of the keepalives is missing"
	}
	var list []flow
	if from.Guarded {
		list = append(list, flow{"nsg-keepalive", severity, "keepalives (UDP 20480)", why, from, p, "releve-keepalive-out"})
	}
	if to.Guarded {
		list = append(list, flow{"nsg-keepalive", severity, "keepalives (UDP 20480)", why, to, in, "releve-keepalive-in"})
	}
	return list
}

// worker is an address of the VNet that sends to the Internet: in a subnet of
// workers if there is one, else in the LAN.
func (e *examination) worker(lan *NIC) netip.Addr {
	for _, s := range e.VNet.Subnets {
		if s.RouteTable != "" && s.Prefix.IsValid() {
			return s.Prefix.Addr().Next().Next().Next().Next()
		}
	}
	return lan.Primary().Addr.Next()
}

// allow adds a rule before the one that denies.
func (e *examination) allow(f flow, v verdict) Remedy {
	guard := f.nic.guard(v.guard)
	priority := freePriority(guard, v.rule, f.packet.inbound)
	if priority == 0 {
		return Remedy{Person: fmt.Sprintf("the rule %q leaves no room before it: give it another priority, or allow %s before it", v.rule, f.what)}
	}
	direction, destination := "Outbound", f.packet.destination.String()
	switch {
	case f.packet.inbound:
		direction = "Inbound"
	case f.packet.tags != nil:
		destination = f.packet.tags[0]
	}
	source := f.packet.source.String()
	switch f.code {
	case "nsg-keepalive":
		source, destination = "VirtualNetwork", "VirtualNetwork"
	case "nsg-lan":
		source, destination = "VirtualNetwork", "*"
	case "nsg-tunnel":
		source, destination = "*", "Internet"
	case "nsg-arm", "nsg-dns":
		source = "*"
	}
	port, protocol := fmt.Sprint(f.packet.port), f.packet.protocol
	switch f.code {
	case "nsg-lan":
		port, protocol = "*", "*"
	case "nsg-tunnel":
		port = "51820-51821"
	}
	rule := map[string]any{"name": f.rule, "properties": map[string]any{"priority": priority, "direction": direction, "access": "Allow", "protocol": protocol,
		"sourceAddressPrefix": source, "sourcePortRange": "*", "destinationAddressPrefix": destination, "destinationPortRange": port}}
	return Remedy{Safe: true, Request: &Request{Method: "PUT", ID: v.guard, Edits: []Edit{{Path: []string{"properties", "securityRules"}, Value: rule, Append: true}}}}
}

func (n *NIC) guard(id string) *Guard {
	for i := range n.Guards {
		if SameID(n.Guards[i].ID, id) {
			return &n.Guards[i]
		}
	}
	return nil
}

// freePriority is the highest number before a rule that none of its direction
// has; Azure allows 100 to 4096. 0: none.
func freePriority(guard *Guard, before string, inbound bool) int {
	limit, taken := 4097, map[int]bool{}
	for _, rule := range guard.Rules {
		if rule.Inbound != inbound {
			continue
		}
		taken[rule.Priority] = true
		if rule.Name == before {
			limit = min(limit, rule.Priority)
		}
	}
	for priority := limit - 1; priority >= 100; priority-- {
		if !taken[priority] {
			return priority
		}
	}
	return 0
}

// azureDNS answers in each VNet, past all groups.
var azureDNS = netip.MustParseAddr("168.63.129.16")

// private is of no public server's: RFC 1918, RFC 6598, or the VNet's own.
func private(addr netip.Addr) bool {
	return addr.IsPrivate() || netip.MustParsePrefix("100.64.0.0/10").Contains(addr)
}

// servers are the DNS servers that Azure gives a member: its primary NIC's, else
// the VNet's. None: Azure's own.
func (e *examination) servers(m *Member) []netip.Addr {
	if m.MGMT != nil && len(m.MGMT.DNS) > 0 {
		return m.MGMT.DNS
	}
	return e.VNet.DNS
}

// dns is C2: a VNet with only private servers.
func (e *examination) dns() {
	for i := range e.Members {
		m := &e.Members[i]
		servers := e.servers(m)
		if !m.VM.Found || len(servers) == 0 || slices.ContainsFunc(servers, func(s netip.Addr) bool { return !private(s) }) {
			continue
		}
		where, path := e.VNet.ID, "properties/dhcpOptions/dnsServers"
		if m.MGMT != nil && len(m.MGMT.DNS) > 0 {
			where, path = m.MGMT.ID, "properties/dnsSettings/dnsServers"
		}
		if slices.ContainsFunc(e.found, func(f Finding) bool { return f.Code == "dns-private" && f.Where == where }) {
			continue
		}
		f := Finding{Code: "dns-private", Severity: Error, What: fmt.Sprintf("only private DNS servers are set: %v", servers), Where: where,
			Why: "Azure Resource Manager must be found by its name, and public DNS be reachable, when a private server is gone",
			Remedies: []Remedy{{Request: &Request{Method: "PUT", ID: where, Edits: []Edit{{Path: strings.Split(path, "/"), Value: azureDNS.String(), Append: true}}}},
				{Person: "restart both VMs afterwards, the standby first: a guest learns of DNS servers when it starts"}}}
		e.add(f)
	}
}
