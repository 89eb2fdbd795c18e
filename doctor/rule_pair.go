package doctor

import (
	"fmt"
	"net/netip"

	"releve.dev/releve/site"
)

// versions is C1 and F1.
func (e *examination) versions() {
	for i, g := range e.Guests {
		if g != nil && !g.Version.AtLeast(site.HAVersion) {
			e.guest(i, "version-old", Error, fmt.Sprintf("version %s; high availability needs %s", g.Version, site.HAVersion), "it doesn't know of high availability",
				Remedy{Person: "upgrade it to the other's version: sudo dpkg -i releve-vsocket_VERSION.deb"})
		}
	}
	a, b := e.Guests[0], e.Guests[1]
	if a != nil && b != nil && !a.Version.Compatible(b.Version) && !e.has("version-old") {
		older := 0
		if a.Version.AtLeast(b.Version) {
			older = 1
		}
		e.guest(older, "version-differs", Warning, fmt.Sprintf("the primary has version %s, the secondary %s", a.Version, b.Version), "HA is not Ready while the major versions differ",
			Remedy{Person: "upgrade it to the other's version: sudo dpkg -i releve-vsocket_VERSION.deb"})
	}
}

// guestConfig compares the settings in the guest with what Azure has.
func (e *examination) guestConfig() {
	for i, g := range e.Guests {
		if g == nil || !g.Config.HA {
			continue
		}
		c := &g.Config
		own, peer := e.Members[i].LAN, e.Members[1-i].LAN
		differs := func(name, is, shall string) {
			if is != shall && shall != "" {
				e.guest(i, "config-differs", Error, fmt.Sprintf("the setting %s is %s; in Azure it is %s", name, orWord(is, "missing"), shall), "at a failover the vSocket asks Azure for the wrong thing",
					set(i, Setting, name, shall))
			}
		}
		differs("ha.floating_ip", text(c.FloatingIP), text(e.Wanted.FloatingIP))
		if peer != nil {
			differs("ha.peer.lan", text(c.PeerLAN), text(peer.Primary().Addr))
		}
		for _, ref := range []struct {
			name, is string
			nic      *NIC
		}{{"azure.nic", c.NIC, own}, {"azure.peer_nic", c.PeerNIC, peer}} {
			if ref.nic != nil && ref.is != "" && !SameID(ref.is, ref.nic.ID) {
				group, _, name := parts(ref.nic.ID)
				differs(ref.name, ref.is, fmt.Sprintf("{resource_group: %s, name: %s}", group, name))
			}
		}
		if own != nil && c.Subnet != "" && !SameID(c.Subnet, own.Primary().Subnet) {
			e.guest(i, "config-differs", Error, "the setting azure.subnet is "+c.Subnet+"; in Azure it is "+own.Primary().Subnet, "Azure refuses the floating IP",
				Remedy{Person: "name the LAN subnet in azure.subnet: releve azure ha writes it"})
		}
	}
}

func text(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// masters: exactly one is Master (B7).
func (e *examination) masters() {
	for i, g := range e.Guests {
		switch {
		case g == nil:
		case g.Status == nil:
			e.guest(i, "agent-down", Error, "the agent doesn't run", "this vSocket neither serves nor takes over", set(i, Service, "releve-vsocket", ""))
		case !g.Config.HA && e.both():
			e.add(Finding{Code: "ha-missing", Severity: Error, Setup: true, What: "this vSocket has no HA settings", Where: e.where(i), Why: "it is Master by itself; two of them are a split brain (B7)",
				Remedies: []Remedy{{Person: "set high availability up: releve azure ha"}}})
		}
	}
	a, b := e.Guests[0], e.Guests[1]
	if a == nil || b == nil || a.Status == nil || b.Status == nil || e.has("ha-missing", "agent-down") {
		return
	}
	switch {
	case a.Status.Master && b.Status.Master:
		e.guest(1, "both-master", Error, "both vSockets are Master", "a split brain: each forwards, and Azure sends to one only",
			Remedy{Person: "find why they don't hear each other (releve-vsocket status on both), then restart the secondary's agent: sudo systemctl restart releve-vsocket"})
	case !a.Status.Master && !b.Status.Master:
		e.guest(0, "no-master", Error, "neither vSocket is Master", "the site is offline", Remedy{Person: "releve-vsocket status on both says why each isn't fit to serve"})
	case (!a.Status.Heard || !b.Status.Heard) && !e.has("nsg-keepalive", "config-differs", "guest-link", "guest-address"):
		silent := 0
		if a.Status.Heard {
			silent = 1
		}
		e.guest(silent, "keepalive", Error, "keepalives of the other aren't heard", "HA is not Ready",
			Remedy{Person: "let UDP port 20480 through between the two LAN addresses: firewalls in the guests; and see that ha.key is the same on both"})
	}
}
