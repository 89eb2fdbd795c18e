package store

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/site"
)

// allocation is one private address that a NIC holds in a subnet. It outlives
// the IP configuration: until the operation that removed it has ended.
type allocation struct {
	nic      string // key
	config   string // id of the IP configuration, for messages
	cleaning time.Duration
}

// allocate gives each IP configuration its address, or says why Azure
// wouldn't. One address is on one NIC of a subnet.
func (s *Store) allocate(w *write, configs []tree.Object) *Error {
	type grant struct {
		subnet string
		addr   netip.Addr
		a      allocation
	}
	var grants []grant
	taken := map[netip.Addr]bool{}
	first := ""
	for pass := range 2 { // static ones first: a dynamic one takes what is left
		for _, config := range configs {
			inner := tree.Sub(config, "properties")
			id := w.id + "/ipConfigurations/" + tree.Text(config, "name")
			subnet := s.subnet(strings.ToLower(tree.Text(inner, "subnet", "id")))
			if first == "" {
				first = subnet.key
			}
			if subnet.key != first {
				return bad("IPConfigurationsOnSameNicCannotUseDifferentSubnets", "IPConfigurations on a Nic cannot belong to different subnets.")
			}
			if version := tree.Text(inner, "privateIPAddressVersion"); strings.EqualFold(version, "IPv6") {
				return bad("IPv6NotSupported", "The emulator has no IPv6: IP configuration %s.", id)
			}
			dynamic := !strings.EqualFold(tree.Text(inner, "privateIPAllocationMethod"), "Static")
			if dynamic != (pass == 1) {
				continue
			}
			addr, e := s.chooseAddress(w, subnet, config, dynamic, taken)
			if e != nil {
				return e
			}
			if e := s.available(w, subnet, addr, id, taken); e != nil {
				return e
			}
			taken[addr] = true
			inner["privateIPAddress"] = addr.String()
			inner["privateIPAllocationMethod"] = map[bool]string{true: "Dynamic", false: "Static"}[dynamic]
			inner["privateIPAddressVersion"] = "IPv4"
			grants = append(grants, grant{subnet.key, addr, allocation{nic: w.key, config: id}})
		}
	}
	for _, g := range grants {
		if s.allocs[g.subnet] == nil {
			s.allocs[g.subnet] = map[netip.Addr]allocation{}
		}
		s.allocs[g.subnet][g.addr] = g.a
	}
	return nil
}

// chooseAddress is the address that a configuration asks for, or the one that
// it had, or the next free one.
func (s *Store) chooseAddress(w *write, subnet *subnetForm, config tree.Object, dynamic bool, taken map[netip.Addr]bool) (netip.Addr, *Error) {
	text := tree.Text(config, "properties", "privateIPAddress")
	if !dynamic {
		if text == "" {
			return netip.Addr{}, bad("PrivateIPAddressMissing", "Static IP allocation method for IP configuration %s requires privateIPAddress to be set.", tree.Text(config, "name"))
		}
		addr, err := netip.ParseAddr(text)
		if err != nil || !addr.Is4() {
			return netip.Addr{}, bad("InvalidIPAddressFormat", "Private static IP address %s is not a valid IPv4 address.", text)
		}
		return addr, nil
	}
	if w.old != nil {
		for _, c := range w.old.form.(*nicForm).configs {
			if strings.EqualFold(c.name, tree.Text(config, "name")) && c.subnet == subnet.key && !taken[c.addr] {
				return c.addr, nil
			}
		}
	}
	addr := subnet.prefix.Addr()
	for range 4 {
		addr = addr.Next()
	}
	for ; site.CheckHostAddress(subnet.prefix, addr) == nil; addr = addr.Next() {
		if _, used := s.allocs[subnet.key][addr]; !used && !taken[addr] {
			return addr, nil
		}
	}
	return netip.Addr{}, bad("SubnetIsFull", "Subnet %s with address prefix %s is already full.", subnet.name, subnet.prefix)
}

func (s *Store) available(w *write, subnet *subnetForm, addr netip.Addr, id string, taken map[netip.Addr]bool) *Error {
	if !subnet.prefix.Contains(addr) {
		return bad("PrivateIPAddressNotInSubnet", "Private static IP address %s does not belong to the range of subnet prefix %s.", addr, subnet.prefix)
	}
	if site.CheckHostAddress(subnet.prefix, addr) != nil {
		return bad("PrivateIPAddressInReservedRange", "Private static IP address %s falls within reserved IP range of subnet prefix %s.", addr, subnet.prefix)
	}
	a, used := s.allocs[subnet.key][addr]
	switch {
	case taken[addr]:
		return bad("PrivateIPAddressIsAllocated", "IP configuration %s is using the private IP address %s which is already allocated to resource %s.", id, addr, w.id)
	case !used || a.nic == w.key && a.cleaning == 0:
		return nil
	case a.cleaning == 0:
		return bad("PrivateIPAddressIsAllocated", "IP configuration %s is using the private IP address %s which is already allocated to resource %s.", id, addr, a.config)
	case a.cleaning > s.now:
		return bad("PrivateIPAddressIsBeingCleanedUp", "Private static IP address %s is being cleaned up and can't be used by IP configuration %s. Please retry later.", addr, id)
	}
	return nil
}

// release frees the NIC's addresses but those in keep.
func (s *Store) release(nic string, keep []netip.Addr) {
	for _, addrs := range s.allocs {
		for addr, a := range addrs {
			if a.nic != nic || slices.Contains(keep, addr) || a.cleaning != 0 {
				continue
			}
			if s.opt.Switches.CleanUp > 0 {
				a.cleaning = s.now + s.opt.Switches.CleanUp
				addrs[addr] = a
				continue
			}
			delete(addrs, addr)
		}
	}
}

func (s *Store) free(nic string) { s.release(nic, nil) }

// subnetHolders counts the addresses that are allocated in a subnet.
func (s *Store) subnetHolders(key string) (nic string, n int) {
	for _, a := range s.allocs[key] {
		if a.cleaning != 0 && a.cleaning <= s.now {
			continue
		}
		if n == 0 || a.config < nic {
			nic = a.config
		}
		n++
	}
	return nic, n
}
