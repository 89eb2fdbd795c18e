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

// acceptPublicIP gives a public address for good; it is Static here whatever
// was asked, which Dynamic ones only are while in use.
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
	if w.extra["address"] != "" {
		return nil
	}
	for addr := s.opt.PublicPool.Addr().Next(); s.opt.PublicPool.Contains(addr.Next()); addr = addr.Next() {
		if s.publics[addr] == "" {
			s.publics[addr] = w.key
			w.extra["address"] = addr.String()
			return nil
		}
	}
	return &Error{Status: 409, Code: "PublicIPCountLimitReached", Message: "Cannot create more public IP addresses for this subscription in this region."}
}

func parsePublicIP(_ *Store, r *resource, _ tree.Object) any {
	addr, _ := netip.ParseAddr(r.extra["address"])
	return &publicForm{addr: addr}
}

func derivePublicIP(s *Store, r *resource, properties tree.Object) {
	properties["ipAddress"] = r.extra["address"]
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
