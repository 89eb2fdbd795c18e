package survey

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// network reads the VNet that the LAN is in, its route tables, the security
// groups before the site's NICs, and who else has addresses of the LAN.
func (s *survey) network() {
	lan := ""
	for i := range s.facts.Members {
		if n := s.facts.Members[i].LAN; n != nil && lan == "" {
			lan = n.Primary().Subnet
		}
	}
	if id, _, found := strings.Cut(lan, "/subnets/"); found {
		s.vnet(id)
	}
	s.routeTables()
	s.others(lan)
	s.floating(lan)
	s.available(lan)
	s.effective()
	for i := range s.facts.Members {
		for _, n := range s.facts.Members[i].NICs() {
			if !n.Guarded {
				s.guards(n)
			}
		}
	}
}

func (s *survey) vnet(id string) {
	d := s.get("the VNet", id)
	if d == nil {
		return
	}
	v := &s.facts.VNet
	*v = doctor.VNet{ID: d.Text("id"), Name: d.Text("name"), Location: d.Text("location"), Found: true, DNS: addrs(d.Texts("properties", "dhcpOptions", "dnsServers"))}
	s.facts.Wanted.VNet = v.Name
	for _, text := range d.Texts("properties", "addressSpace", "addressPrefixes") {
		if p, err := netip.ParsePrefix(text); err == nil {
			v.Space = append(v.Space, p)
		}
	}
	for _, sub := range d.Objects("properties", "subnets") {
		v.Subnets = append(v.Subnets, doctor.Subnet{ID: sub.Text("id"), Name: sub.Text("name"), Prefix: subnetPrefix(sub),
			NSG: sub.Text("properties", "networkSecurityGroup", "id"), RouteTable: sub.Text("properties", "routeTable", "id"),
			Users: len(sub.Objects("properties", "ipConfigurations"))})
	}
}

func subnetPrefix(d document.Document) netip.Prefix {
	text := d.Text("properties", "addressPrefix")
	if all := d.Texts("properties", "addressPrefixes"); text == "" && len(all) > 0 {
		text = all[0]
	}
	p, _ := netip.ParsePrefix(text)
	return p
}

// routeTables are those of the site's groups and those on the VNet's subnets.
func (s *survey) routeTables() {
	var all []document.Document
	for _, group := range s.groups() {
		all = append(all, s.list("route tables", group+"/providers/Microsoft.Network/routeTables")...)
	}
	for _, sub := range s.facts.VNet.Subnets {
		known := slices.ContainsFunc(all, func(d document.Document) bool { return document.Same(d.Text("id"), sub.RouteTable) })
		if sub.RouteTable == "" || known {
			continue
		}
		if d := s.get("the route table", sub.RouteTable); d != nil {
			all = append(all, d)
		}
	}
	for _, d := range all {
		table := doctor.RouteTable{ID: d.Text("id"), Name: d.Text("name"), Location: d.Text("location"), Subnets: ids(d.Object("properties"), "subnets"), Tags: tags(d)}
		for _, r := range d.Objects("properties", "routes") {
			prefix, _ := netip.ParsePrefix(r.Text("properties", "addressPrefix"))
			table.Routes = append(table.Routes, doctor.Route{Name: r.Text("name"), HopType: r.Text("properties", "nextHopType"), Prefix: prefix,
				Hop: addr(r.Text("properties", "nextHopIpAddress"))})
		}
		s.facts.RouteTables = append(s.facts.RouteTables, table)
	}
}

// own reports whether a NIC is one of the site's.
func (s *survey) own(id string) bool {
	for i := range s.facts.Members {
		for _, n := range s.facts.Members[i].NICs() {
			if document.Same(n.ID, id) {
				return true
			}
		}
	}
	return false
}

// others are the addresses of the LAN subnet that other NICs have.
func (s *survey) others(lan string) {
	for _, group := range s.groups() {
		for _, d := range s.list("network interfaces", group+"/providers/Microsoft.Network/networkInterfaces") {
			n, err := doctor.ParseNIC(d.JSON())
			if err != nil || s.own(n.ID) {
				continue
			}
			for _, c := range n.Configs {
				if document.Same(c.Subnet, lan) && c.Addr.IsValid() {
					s.facts.Taken = append(s.facts.Taken, doctor.TakenAddr{Addr: c.Addr, By: n.ID})
				}
			}
		}
	}
}

// floating takes for the floating IP what Azure has, if nobody has named one: a
// second address of a LAN NIC, or where a route leads within the LAN.
func (s *survey) floating(lan string) {
	if s.facts.Wanted.FloatingIP.IsValid() {
		return
	}
	var own []netip.Addr
	for i := range s.facts.Members {
		n := s.facts.Members[i].LAN
		if n == nil {
			continue
		}
		own = append(own, n.Primary().Addr)
		for _, c := range n.Configs {
			if !c.Primary && c.Addr.IsValid() {
				s.facts.Wanted.FloatingIP = c.Addr
				return
			}
		}
	}
	subnet := s.facts.VNet.Subnet(lan)
	for _, table := range s.facts.RouteTables {
		for _, r := range table.Routes {
			taken := slices.ContainsFunc(s.facts.Taken, func(t doctor.TakenAddr) bool { return t.Addr == r.Hop })
			if subnet != nil && r.Hop.IsValid() && subnet.Prefix.Contains(r.Hop) && !slices.Contains(own, r.Hop) && !taken {
				s.facts.Wanted.FloatingIP = r.Hop
				return
			}
		}
	}
}

// available asks Azure whether anybody has the floating IP, where none of the
// NICs that we see has: a load balancer or a NIC of another group may.
func (s *survey) available(lan string) {
	fip, subnet := s.facts.Wanted.FloatingIP, s.facts.VNet.Subnet(lan)
	if subnet == nil || !subnet.Prefix.Contains(fip) {
		return
	}
	for i := range s.facts.Members {
		for _, n := range s.facts.Members[i].NICs() {
			if n.Config(fip) != nil {
				return
			}
		}
	}
	if slices.ContainsFunc(s.facts.Taken, func(t doctor.TakenAddr) bool { return t.Addr == fip }) {
		return
	}
	d, _, err := s.Get(s.ctx, s.facts.VNet.ID+"/CheckIPAddressAvailability?ipAddress="+fip.String())
	switch {
	case err != nil:
		s.unseen("whether the floating IP is free", s.facts.VNet.ID, err)
	case d.Get("available") == false:
		s.facts.Taken = append(s.facts.Taken, doctor.TakenAddr{Addr: fip})
	}
}

// effective asks for the rules that are in force before each NIC of a running VM,
// all at once: an answer takes Azure some seconds.
func (s *survey) effective() {
	var all sync.WaitGroup
	for i := range s.facts.Members {
		m := &s.facts.Members[i]
		if m.VM.Power != "running" {
			continue // Azure refuses
		}
		for _, n := range m.NICs() {
			all.Go(func() {
				d, err := s.Post(s.ctx, n.ID+"/effectiveNetworkSecurityGroups", nil)
				if err != nil {
					return // the groups' own rules will do
				}
				for _, g := range d.Objects("value") {
					n.Guards = append(n.Guards, doctor.Guard{ID: g.Text("networkSecurityGroup", "id"), Rules: rules(g.Objects("effectiveSecurityRules"), false)})
				}
				n.Guarded = true
			})
		}
	}
	all.Wait()
}

// guards are the rules of the groups before a NIC.
func (s *survey) guards(n *doctor.NIC) {
	n.Guarded = true
	list := []string{n.NSG}
	if sub := s.facts.VNet.Subnet(n.Primary().Subnet); sub != nil {
		list = append(list, sub.NSG)
	}
	for _, id := range list {
		if id == "" {
			continue
		}
		d := s.get("the security group", id)
		if d == nil {
			n.Guarded = false // unseen, as get has told
			return
		}
		n.Guards = append(n.Guards, doctor.Guard{ID: d.Text("id"), Rules: append(rules(d.Objects("properties", "securityRules"), true),
			rules(d.Objects("properties", "defaultSecurityRules"), true)...)})
	}
}

// rules reads those of a group, whose members are in properties, or effective ones.
func rules(list []document.Document, nested bool) []doctor.SecurityRule {
	var all []doctor.SecurityRule
	for _, d := range list {
		p := d
		if nested {
			p = d.Object("properties")
		}
		priority, _ := number(p.Get("priority"))
		name := d.Text("name")
		rule := doctor.SecurityRule{Name: name[strings.LastIndexByte(name, '/')+1:], Priority: priority, Inbound: strings.EqualFold(p.Text("direction"), "Inbound"),
			Allow: strings.EqualFold(p.Text("access"), "Allow"), Protocol: p.Text("protocol"),
			Source: ends(p, "source"), Destination: ends(p, "destination"), Ports: p.Texts("destinationPortRanges")}
		if one := p.Text("destinationPortRange"); one != "" {
			rule.Ports = append(rule.Ports, one)
		}
		all = append(all, rule)
	}
	return all
}

func ends(p document.Document, end string) []string {
	all := p.Texts(end + "AddressPrefixes")
	if one := p.Text(end + "AddressPrefix"); one != "" {
		all = append(all, one)
	}
	return append(all, ids(p, end+"ApplicationSecurityGroups")...)
}
