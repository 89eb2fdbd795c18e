package survey

import (
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

func (s *survey) members() {
	for i, name := range []string{s.names.Primary, s.names.Secondary} {
		if name == "" {
			continue
		}
		m := &s.facts.Members[i]
		m.VM = doctor.VM{ID: s.vmID(name), Name: name}
		d := s.get("the VM", m.VM.ID+"?$expand=instanceView")
		if d == nil {
			continue
		}
		fillVM(&m.VM, d)
		for _, x := range s.list("the VM's extensions", m.VM.ID+"/extensions") {
			m.VM.Extensions = append(m.VM.Extensions, extension(x))
		}
		var nics []*doctor.NIC
		for _, ref := range d.Objects("properties", "networkProfile", "networkInterfaces") {
			nic := s.nic(ref.Text("id"))
			if nic == nil {
				continue
			}
			if ref.Bool("properties", "primary") && m.MGMT == nil {
				m.MGMT = nic // the metadata service and Azure's DHCP options come by it
				continue
			}
			nics = append(nics, nic)
		}
		s.sort(m, nics)
	}
}

// sort tells LAN from WAN: by the floating IP's subnet, by their names, or by
// which has a public address.
func (s *survey) sort(m *doctor.Member, nics []*doctor.NIC) {
	lan := func(n *doctor.NIC) int {
		own := n.Primary()
		subnet, _ := document.ParseID(own.Subnet)
		score := 0
		if s.names.FloatingIP.IsValid() && s.prefix(own.Subnet).Contains(s.names.FloatingIP) {
			score += 8
		}
		if strings.Contains(strings.ToLower(subnet.Name()), "lan") {
			score += 4
		}
		if strings.Contains(strings.ToLower(n.Name), "lan") {
			score += 2
		}
		if own.Public == nil {
			score++
		}
		return score
	}
	best := -1
	for i, n := range nics {
		if lan(n) > 0 && (best < 0 || lan(n) > lan(nics[best])) {
			best = i
		}
	}
	for i, n := range nics {
		switch {
		case i == best:
			m.LAN = n
		case m.WAN == nil:
			m.WAN = n
		default:
			m.Others = append(m.Others, n)
		}
	}
}

// prefix is a subnet's; the zero prefix if it can't be read.
func (s *survey) prefix(subnet string) netip.Prefix {
	vnet, _, found := strings.Cut(subnet, "/subnets/")
	if !found {
		return netip.Prefix{}
	}
	for _, d := range s.get("the VNet", vnet).Objects("properties", "subnets") {
		if document.Same(d.Text("id"), subnet) {
			return subnetPrefix(d)
		}
	}
	return netip.Prefix{}
}

func (s *survey) vmID(name string) string {
	return document.Group(s.names.Subscription, s.names.Group) + "/providers/Microsoft.Compute/virtualMachines/" + name
}

func fillVM(vm *doctor.VM, d document.Document) {
	vm.Found = true
	vm.ID, vm.Location, vm.Tags = d.Text("id"), d.Text("location"), tags(d)
	vm.Size, vm.Set = d.Text("properties", "hardwareProfile", "vmSize"), d.Text("properties", "availabilitySet", "id")
	vm.Zones, vm.State = d.Texts("zones"), d.Text("properties", "provisioningState")
	kind := strings.ToLower(d.Text("identity", "type"))
	vm.SystemIdentity = strings.Contains(kind, "systemassigned")
	vm.Identities = sortedNames(d.Object("identity", "userAssignedIdentities"))
	view := d.Object("properties", "instanceView")
	for _, status := range view.Objects("statuses") {
		if power, is := strings.CutPrefix(status.Text("code"), "PowerState/"); is {
			vm.Power = power
		}
	}
	for _, status := range view.Objects("vmAgent", "statuses") {
		vm.Agent = status.Text("displayStatus")
	}
	if n, ok := number(view.Get("platformFaultDomain")); ok {
		vm.FaultDomain = &n
	}
}

func extension(d document.Document) doctor.Extension {
	x := doctor.Extension{ID: d.Text("id"), Name: d.Text("name"), Publisher: d.Text("properties", "publisher"), Type: d.Text("properties", "type"),
		State: d.Text("properties", "provisioningState"), Tags: tags(d)}
	for _, status := range d.Objects("properties", "instanceView", "statuses") {
		x.Message = status.Text("message")
	}
	return x
}

// nic reads one and what its addresses refer to.
func (s *survey) nic(id string) *doctor.NIC {
	d := s.get("the NIC", id)
	if d == nil {
		return nil
	}
	n, err := doctor.ParseNIC(d.JSON())
	if err != nil {
		s.unseen("the NIC", id, err)
		return nil
	}
	for i := range n.Configs {
		p := n.Configs[i].Public
		if p == nil {
			continue
		}
		if d := s.get("the public address", p.ID); d != nil {
			p.SKU, p.Zones, p.Addr = d.Text("sku", "name"), d.Texts("zones"), addr(d.Text("properties", "ipAddress"))
		}
	}
	return n
}
