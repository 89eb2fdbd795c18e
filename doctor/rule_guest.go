package doctor

import (
	"fmt"
	"net/netip"
	"slices"

	"releve.dev/releve/site"
)

// where names a guest.
func (e *examination) where(i int) string {
	if id := e.Members[i].VM.ID; id != "" {
		return id
	}
	return "the " + site.Side(i+1).String() + "'s guest"
}

func (e *examination) guest(i int, code string, severity Severity, what, why string, remedies ...Remedy) {
	e.add(Finding{Code: code, Severity: severity, What: what, Where: e.where(i), Why: why, Remedies: remedies})
}

func set(i int, kind SettingKind, name, value string) Remedy {
	return Remedy{Guest: &GuestSetting{Member: i, Kind: kind, Name: name, Value: value}, Safe: kind != LinkMTU}
}

func (e *examination) guestNetwork() {
	for i, g := range e.Guests {
		if g == nil {
			continue
		}
		for _, name := range g.NotForwarding {
			e.guest(i, "guest-forwarding", Error, "IP forwarding is off in the guest: "+name, "the guest drops what it should pass on", set(i, Sysctl, name, "1"))
		}
		for k := range g.Interfaces {
			x := &g.Interfaces[k]
			switch {
			case !x.Up:
				e.guest(i, "guest-link", Error, fmt.Sprintf("the %s interface %s is not up", x.Of, x.Name), "the vSocket isn't fit to serve",
					Remedy{Person: "look at the interface in the guest, and at the NIC in Azure: it must be attached before the guest starts"})
			case x.Want.IsValid() && !x.Has(x.Want.Addr()):
				e.guest(i, "guest-address", Error, fmt.Sprintf("the %s interface %s has %v, not %s", x.Of, x.Name, x.Have, x.Want), "nobody reaches it under its address",
					set(i, Address, x.Name, x.Want.String()))
			}
		}
		for _, p := range g.Paths {
			if p.MTU >= p.Want {
				continue
			}
			remedy := Remedy{Person: fmt.Sprintf("find what on the way to the %s passes %d bytes only, or allow ICMP \"fragmentation needed\" through it", p.To, p.MTU)}
			for _, x := range g.Interfaces {
				if x.Of == p.By && x.MTU < p.Want {
					remedy = set(i, LinkMTU, x.Name, fmt.Sprint(p.Want))
				}
			}
			e.guest(i, "mtu", Warning, fmt.Sprintf("the way to the %s takes packets of %d bytes, not %d", p.To, p.MTU, p.Want), "large packets are lost, or cut in two", remedy)
		}
	}
	e.guestFloating()
}

// guestFloating: the active has the floating IP in the guest, the standby hasn't.
func (e *examination) guestFloating() {
	active := e.active()
	for i, g := range e.Guests {
		if g == nil || g.Status == nil || !g.Config.HA {
			continue
		}
		fip := g.Config.FloatingIP
		for k := range g.Interfaces {
			x := &g.Interfaces[k]
			prefix := netip.PrefixFrom(fip, 32).String()
			switch {
			case x.Of != "lan":
			case g.Status.Master && !x.Has(fip):
				e.guest(i, "guest-fip", Error, fmt.Sprintf("this vSocket is active, and %s isn't on %s", fip, x.Name), "the guest doesn't answer for the floating IP", set(i, Address, x.Name, prefix))
			case active >= 0 && active != i && x.Has(fip):
				e.guest(i, "guest-fip-standby", Warning, fmt.Sprintf("this vSocket is standby, and has %s on %s", fip, x.Name), "it answers itself what should go to the other", set(i, DropAddress, x.Name, prefix))
			}
		}
	}
}

// guestAzure is C2, C3 and the identity's token.
func (e *examination) guestAzure() {
	for i, g := range e.Guests {
		if g == nil {
			continue
		}
		answered := slices.ContainsFunc(g.DNS, func(r Resolver) bool { return r.OK && r.Default })
		other := slices.ContainsFunc(g.DNS, func(r Resolver) bool { return r.OK && !r.Default })
		switch {
		case answered || len(g.DNS) == 0 || e.has("nsg-dns", "dns-private"):
		case other:
			e.guest(i, "dns-private", Error, "the guest's DNS servers don't answer for "+g.ARM.Host+", a public one does", "Azure Resource Manager isn't found by its name",
				Remedy{Person: "add a public DNS server to the VNet (portal: Virtual networks > DNS servers; 168.63.129.16 is Azure's own), and restart the VM"})
		default:
			e.guest(i, "dns-blocked", Error, "no DNS server answers for "+g.ARM.Host, "Azure Resource Manager isn't found by its name",
				Remedy{Person: "let UDP port 53 out of the MGMT interface: firewalls and routes on its way"})
		}
		named := answered || len(g.DNS) == 0
		switch {
		case g.ARM.Host == "" || !named || e.has("nsg-arm") || !g.works("mgmt"):
		case g.ARM.MGMT && g.ARM.OK && (g.ARM.By == "" || g.ARM.By == "mgmt"):
		case g.ARM.OK:
			e.guest(i, "arm-other-nic", Warning, fmt.Sprintf("%s is reached by %s, not by MGMT", g.ARM.Host, orWord(g.ARM.By, "another interface")),
				"with that interface down the vSocket can't move the floating IP (C3)",
				Remedy{Person: "give the MGMT interface a way to " + g.ARM.Host + ": a public address or NAT gateway, TCP 443 in its firewall, and its route in the guest first"})
		default:
			e.guest(i, "arm-unreachable", Error, fmt.Sprintf("%s isn't reached: %s", g.ARM.Host, g.ARM.Why), "the floating IP can't be moved",
				Remedy{Person: "let TCP port 443 out of the MGMT interface to " + g.ARM.Host + ": its route, public address or NAT gateway, and firewalls on the way"})
		}
		e.guestToken(i, g)
		for _, m := range g.Missing {
			if !slices.ContainsFunc(e.found, func(f Finding) bool { return f.Code == "role-missing" && SameID(f.Where, m.Scope) }) {
				e.add(Finding{Code: "role-missing", Severity: Error, Setup: true, What: "the identity may not do " + m.Action, Where: m.Scope, Why: "Azure refuses the move of the floating IP",
					Remedies: []Remedy{{Person: fmt.Sprintf("give the identity a role with it: az role assignment create --assignee %s --role \"Network Contributor\" --scope %s", orWord(g.Config.ClientID, "CLIENT_ID"), m.Scope)}}})
			}
		}
	}
}

func (e *examination) guestToken(i int, g *Guest) {
	if !g.Config.HA {
		return // without HA it asks for none
	}
	tenant := e.Caller.Subscription.Tenant
	switch t := g.Token; {
	case t.Problem == "" && !t.OK:
	case t.OK && tenant != "" && t.Tenant != "" && t.Tenant != tenant && !e.has("identity-tenant"):
		e.guest(i, "token-tenant", Error, fmt.Sprintf("the token is of tenant %s, the subscription of %s", t.Tenant, tenant), "Azure refuses it",
			Remedy{Person: "assign an identity of the subscription's tenant: releve azure ha"})
	case t.OK || e.has("identity-none", "identity-differs", "identity-several"):
	case t.Problem == "unreachable":
		e.guest(i, "imds", Error, "the metadata service isn't reached: "+t.Detail, "without a token nothing can be asked of Azure",
			Remedy{Person: "let the guest reach 169.254.169.254 by its primary NIC, without a proxy: its route and firewall"})
	case t.Problem == "identity" && g.Config.ClientID == "":
		e.guest(i, "identity-unnamed", Error, "the metadata service gives no token: "+t.Detail, "a VM with several identities must name one", e.clientID(i))
	case t.Problem == "identity":
		e.guest(i, "client-id", Error, fmt.Sprintf("the VM has no identity with the client id %s", g.Config.ClientID), "the metadata service gives no token", e.clientID(i))
	default:
		e.guest(i, "imds-busy", Warning, "the metadata service is busy: "+t.Detail, "the token comes late", Remedy{Person: "wait a minute and run the doctor again"})
	}
}

// clientID names the identity that the VM has.
func (e *examination) clientID(i int) Remedy {
	for _, id := range e.Identities {
		if id.ClientID != "" && slices.ContainsFunc(e.Members[i].VM.Identities, func(has string) bool { return SameID(has, id.ID) }) {
			return set(i, Setting, "azure.client_id", id.ClientID)
		}
	}
	return Remedy{Person: "name the client id (not the object id) of the VM's identity in azure.client_id"}
}

// Bounds of a clock: Azure's tokens allow five minutes.
const (
	skewNoted = 30.0
	skewError = 240.0
)

func (e *examination) guestClock() {
	for i, g := range e.Guests {
		if g == nil || g.SkewS == nil {
			continue
		}
		skew, severity := *g.SkewS, Warning
		if max(skew, -skew) < skewNoted {
			continue
		}
		if max(skew, -skew) >= skewError {
			severity = Error
		}
		e.guest(i, "clock", severity, fmt.Sprintf("the guest's clock is off by %+.0f s", skew), "certificates and tokens are taken for expired, and tunnels refuse to come up",
			set(i, Service, "systemd-timesyncd", ""))
	}
}
