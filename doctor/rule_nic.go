package doctor

import (
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/site"
)

// edit is a remedy by a PUT of a resource that is there.
func edit(id string, safe bool, path string, value any) Remedy {
	return Remedy{Safe: safe, Request: &Request{Method: "PUT", ID: id, Edits: []Edit{{Path: strings.Split(path, "/"), Value: value}}}}
}

func (e *examination) nics() {
	for i := range e.Members {
		m := &e.Members[i]
		if !m.VM.Found {
			continue
		}
		for _, n := range []struct {
			of  string
			nic *NIC
		}{{"MGMT", m.MGMT}, {"WAN", m.WAN}, {"LAN", m.LAN}} {
			if n.nic == nil {
				e.add(Finding{Code: "nic-missing", Severity: Error, What: fmt.Sprintf("the %s has no %s NIC", m.Side, n.of), Where: m.VM.ID,
					Why:      "a vSocket has a WAN, a LAN and a MGMT interface",
					Remedies: []Remedy{{Person: "stop the VM, attach a NIC in the " + n.of + " subnet (portal: Virtual machines > " + m.VM.Name + " > Networking > Attach network interface), and start it"}}})
			}
		}
		for _, n := range m.NICs() {
			if n.State == "Failed" {
				e.add(Finding{Code: "nic-failed", Severity: Error, What: "the last change of the NIC failed", Where: n.ID, Why: "Azure may refuse the next change: that of a failover",
					Remedies: []Remedy{{Safe: true, Request: &Request{Method: "PUT", ID: n.ID}}}})
			}
		}
		for _, n := range []*NIC{m.WAN, m.LAN} {
			if n != nil && !n.Forwarding {
				e.add(Finding{Code: "nic-forwarding", Severity: Error, What: "IP forwarding is off on the NIC", Where: n.ID,
					Why: "Azure drops packets that aren't the NIC's own", Remedies: []Remedy{edit(n.ID, true, "properties/enableIPForwarding", true)}})
			}
		}
		if own := m.LAN.own(); own != nil && !own.Static {
			e.add(Finding{Code: "lan-dynamic", Severity: Error, What: fmt.Sprintf("the LAN address %s is dynamic", own.Addr), Where: m.LAN.ID,
				Why:      "it may change when the VM is stopped, and the other vSocket would look for it in vain",
				Remedies: []Remedy{edit(m.LAN.ID, true, "properties/ipConfigurations/"+own.Name+"/properties/privateIPAllocationMethod", "Static")}})
		}
	}
}

// own is the primary ipConfiguration.
func (n *NIC) own() *IPConfig {
	if n == nil {
		return nil
	}
	i := slices.IndexFunc(n.Configs, func(c IPConfig) bool { return c.Primary })
	if i < 0 {
		return nil
	}
	return &n.Configs[i]
}

// publicAddresses is D3; Azure has retired the Basic SKU in September 2025.
func (e *examination) publicAddresses() {
	for i := range e.Members {
		m := &e.Members[i]
		for _, n := range m.NICs() {
			for _, c := range n.Configs {
				if c.Public == nil || !strings.EqualFold(c.Public.SKU, "Basic") {
					continue
				}
				f := Finding{Code: "public-basic", Severity: Warning, What: "the public address is of the Basic SKU", Where: c.Public.ID, Why: "Azure has retired it",
					Remedies: []Remedy{{Person: fmt.Sprintf("take the address off %s, upgrade it (portal: Public IP addresses > Upgrade to Standard), and put it back", n.Name)}}}
				if len(m.VM.Zones) > 0 {
					f.Severity, f.Why = Error, "a VM in a zone takes Standard public addresses only"
				}
				e.add(f)
			}
		}
	}
}

// addresses is E6, and that nobody else has the floating IP.
func (e *examination) addresses() {
	a, b := &e.Members[0], &e.Members[1]
	if a.LAN == nil {
		return
	}
	subnet := e.VNet.Subnet(a.LAN.Primary().Subnet)
	if subnet == nil {
		return
	}
	addressing := site.Addressing{Native: subnet.Prefix, Primary: a.LAN.Primary().Addr, FloatingIP: e.Wanted.FloatingIP}
	if b.LAN != nil && SameID(b.LAN.Primary().Subnet, subnet.ID) {
		addressing.Secondary = b.LAN.Primary().Addr
	}
	if !addressing.FloatingIP.IsValid() || !addressing.Secondary.IsValid() {
		addressing.Secondary, addressing.FloatingIP = addressing.Primary, e.Wanted.FloatingIP
		if !addressing.FloatingIP.IsValid() {
			return
		}
	}
	for _, fault := range addressing.Check() {
		if fault.Field != "floating_ip" && addressing.Secondary == addressing.Primary {
			continue // there is no second: it is told elsewhere
		}
		e.add(Finding{Code: "address-" + string(fault.Rule), Severity: Error, What: fault.Message, Where: subnet.ID, Why: "Azure refuses the address, or traffic for it goes astray",
			Remedies: []Remedy{{Person: "choose another address; free in the subnet is for example " + e.free(subnet)}}})
	}
	i := slices.IndexFunc(e.Taken, func(t TakenAddr) bool { return t.Addr == e.Wanted.FloatingIP })
	if i >= 0 && !e.wrongAddress() {
		e.add(Finding{Code: "fip-taken", Severity: Error, What: fmt.Sprintf("%s belongs to something else", e.Wanted.FloatingIP), Where: orWord(e.Taken[i].By, subnet.ID),
			Why: "Azure gives an address to one NIC only", Remedies: []Remedy{{Person: "take the address from it, or choose another; free is for example " + e.free(subnet)}}})
	}
}

// free is an address of a subnet that nobody is known to have, from its end.
func (e *examination) free(subnet *Subnet) string {
	for addr := site.Last(subnet.Prefix); subnet.Prefix.Contains(addr); addr = addr.Prev() {
		taken := slices.ContainsFunc(e.Taken, func(t TakenAddr) bool { return t.Addr == addr })
		for i := range e.Members {
			for _, n := range e.Members[i].NICs() {
				taken = taken || n.Config(addr) != nil
			}
		}
		if !taken && site.CheckHostAddress(subnet.Prefix, addr) == nil && addr != e.Wanted.FloatingIP {
			return addr.String()
		}
	}
	return "none"
}
