package store

import (
	"net/netip"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

var publicIPKind = new(kind)

func init() {
	register(publicIPKind, kind{
		name: "Microsoft.Network/publicIPAddresses", class: profile.Network, etag: true, tracked: true, putName: "PutPublicIpAddressOperation",
		readOnly: []string{"ipAddress", "ipConfiguration"},
		accept:   acceptPublicIP, derive: derivePublicIP, parse: parsePublicIP, inUse: publicIPInUse,
		gone: func(s *Store, r *resource) {
			if addr, err := netip.ParseAddr(r.extra["address"]); err == nil {
				delete(s.publics, addr)
			}
		},
	})
}

var asgKind = new(kind)

func init() {
	register(asgKind, kind{
		name: "Microsoft.Network/applicationSecurityGroups", class: profile.Network, etag: true, tracked: true, putName: "PutApplicationSecurityGroupOperation",
		accept: func(_ *Store, w *write) *Error { _, e := ensureProperties(w); return e },
		inUse: func(s *Store, r *resource) *Error {
			if user := s.user(r.key); user != nil {
				return bad("InUseApplicationSecurityGroupCannotBeDeleted", "Application security group %s is in use by %s and cannot be deleted.", r.id, user.id)
			}
			return nil
		},
	})
}

// publicForm is a public address as the data plane needs it.
type publicForm struct{ addr netip.Addr }

// acceptPublicIP gives a public address. A Static one is for good; a Dynamic
// one has it at once here, and loses it when its VM is deallocated.
func acceptPublicIP(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	for name, value := range map[string]string{"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"} {
		if tree.Text(properties, name) == "" {
			properties[name] = value
		}
	}
	if strings.EqualFold(tree.Text(properties, "publicIPAddressVersion"), "IPv6") {
		return bad("IPv6NotSupported", "The emulator has no IPv6: public IP address %s.", w.id)
	}
	if e := checkPublicSKU(w, properties); e != nil {
		return e
	}
	if w.extra["address"] != "" {
		return nil
	}
	addr, e := s.newPublic(w.key)
	if e == nil {
		w.extra["address"] = addr
	}
	return e
}

// newPublic takes a free address out of the pool.
func (s *Store) newPublic(key string) (string, *Error) {
	for addr := s.opt.PublicPool.Addr().Next(); s.opt.PublicPool.Contains(addr.Next()); addr = addr.Next() {
		if s.publics[addr] == "" {
			s.publics[addr] = key
			return addr.String(), nil
		}
	}
	return "", &Error{Status: 409, Code: "PublicIPCountLimitReached", Message: "Cannot create more public IP addresses for this subscription in this region."}
}

func parsePublicIP(_ *Store, r *resource, _ tree.Object) any {
	addr, _ := netip.ParseAddr(r.extra["address"])
	return &publicForm{addr: addr}
}

func derivePublicIP(s *Store, r *resource, properties tree.Object) {
	if address := r.extra["address"]; address != "" {
		properties["ipAddress"] = address
	}
	if nic, config := s.publicHolder(r.key); nic != nil {
		properties["ipConfiguration"] = tree.Object{"id": nic.id + "/ipConfigurations/" + config}
	}
}

func publicIPInUse(s *Store, r *resource) *Error {
	if nic, config := s.publicHolder(r.key); nic != nil {
		return bad("PublicIPAddressCannotBeDeleted", "Public IP address %s can not be deleted since it is still allocated to resource %s/ipConfigurations/%s.", r.id, nic.id, config)
	}
	return nil
}

// readdress frees the dynamic public addresses of a VM that was deallocated,
// and gives new ones to one that runs again ("Public IP addresses", allocation
// method). Private addresses stay until their NIC is deleted.
func (s *Store) readdress(vm *resource, power Power) {
	for _, key := range vm.form.(*vmForm).nics {
		nic := s.byKey[key]
		if nic == nil {
			continue
		}
		for _, config := range nic.form.(*nicForm).configs {
			if r := s.byKey[config.public]; r != nil && strings.EqualFold(tree.Text(r.doc, "properties", "publicIPAllocationMethod"), "Dynamic") {
				s.readdressOne(r, power)
			}
		}
	}
}

func (s *Store) readdressOne(r *resource, power Power) {
	address := r.extra["address"]
	switch {
	case power == PowerDeallocated && address != "":
		if addr, err := netip.ParseAddr(address); err == nil {
			delete(s.publics, addr)
		}
		address = ""
	case power == PowerRunning && address == "":
		address, _ = s.newPublic(r.key) // none is left: the VM runs without one
	default:
		return
	}
	setExtra(r, "address", address)
	r.form = parsePublicIP(s, r, r.doc)
	s.apply(r)
}
