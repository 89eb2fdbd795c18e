package survey_test

import (
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// judged changes the facts that were read: what the emulator, as Azure, refuses
// to be, or what only Azure can do to itself.
func judged(change func(f *doctor.Facts)) func(*world) { return func(w *world) { w.judge = change } }

func judgedFaults() []fault {
	group := func(f *doctor.Facts, name string) string {
		return strings.ToLower("/subscriptions/" + f.Wanted.Subscription + "/resourceGroups/" + name)
	}
	return []fault{
		{name: "sign-in expired", code: "sign-in-expired", person: plain, plant: judged(func(f *doctor.Facts) { f.Caller.Problem = doctor.SignInExpired })},
		{name: "another tenant's token", code: "sign-in-tenant", person: plain, plant: judged(func(f *doctor.Facts) { f.Caller.Problem = doctor.SignInTenant })},
		{name: "wrong subscription", code: "subscription", person: func(w *world) { w.names.Subscription = w.Subscription },
			plant: func(w *world) { w.names.Subscription = "99999999-9999-4999-8999-999999999999" }},
		{name: "subscription disabled", code: "subscription-state", person: plain, plant: judged(func(f *doctor.Facts) { f.Caller.Subscription.State = "Disabled" })},
		{name: "no Owner on the VNet's group", code: "caller-rights", person: plain, plant: judged(func(f *doctor.Facts) {
			f.Caller.Rights[group(f, sitetest.NetworkGroup)] = contributor
		})},
		{name: "PIM role not active", code: "pim-inactive", person: plain, plant: judged(func(f *doctor.Facts) {
			f.Caller.Rights[group(f, sitetest.Group)] = contributor
			f.Caller.Eligible = []doctor.Role{{Name: "Owner", Scope: "/subscriptions/" + f.Wanted.Subscription}}
		})},
		{name: "VM name with a space", code: "vm-name", person: plain, plant: judged(func(f *doctor.Facts) { f.Members[0].VM.Name = "vsocket primary" })},
		{name: "agent not ready", code: "vm-agent", person: plain, plant: func(w *world) {
			w.judge = func(f *doctor.Facts) { f.Members[1].VM.Agent = "Not Ready" }
			w.restarted = func(string) { w.judge = nil }
		}},
		{name: "zone and availability set", code: "zone-and-set", person: plain, plant: judged(func(f *doctor.Facts) { f.Members[0].VM.Set = "/subscriptions/s/set" })},
		{name: "one fault domain", code: "same-fault-domain", set: true, person: plain, plant: judged(func(f *doctor.Facts) {
			zero := 0
			f.Members[0].VM.FaultDomain, f.Members[1].VM.FaultDomain = &zero, &zero
		})},
		{name: "another region", code: "location-differs", person: plain, plant: judged(func(f *doctor.Facts) { f.Members[1].VM.Location = "northeurope" })},
		{name: "another VNet", code: "vnet-differs", person: plain, plant: judged(func(f *doctor.Facts) {
			f.Members[1].WAN.Configs[0].Subnet = strings.Replace(f.Members[1].WAN.Configs[0].Subnet, sitetest.VNet, "vnet-other", 1)
		})},
		{name: "public address of the Basic SKU", code: "public-basic", person: plain, plant: judged(func(f *doctor.Facts) { f.Members[0].WAN.Configs[0].Public.SKU = "Basic" })},
		{name: "floating IP on two NICs", code: "fip-both", plant: func(w *world) {
			// Azure refuses it; while it moves an address it may show it on both.
			w.floatElsewhere(w.LANNIC(site.Secondary), func(f *doctor.Facts) *doctor.NIC { return f.Members[1].LAN })
		}},
		{name: "floating IP on a WAN NIC", code: "fip-wrong-nic", plant: func(w *world) {
			w.floatElsewhere(w.NICID(sitetest.Primary, sitetest.WAN), func(f *doctor.Facts) *doctor.NIC {
				f.Members[0].LAN.Configs = f.Members[0].LAN.Configs[:1]
				return f.Members[0].WAN
			})
		}},
		{name: "identity of another tenant", code: "identity-tenant", person: plain, plant: judged(func(f *doctor.Facts) { f.Identities[0].Tenant = "another" })},
		{name: "something can't be read", code: "unseen", person: plain, plant: judged(func(f *doctor.Facts) {
			f.Unseen = []doctor.Unseen{{What: "the VNet", Where: "/x", Why: "AuthorizationFailed"}}
		})},
	}
}

// floatElsewhere shows the floating IP on a NIC that has another second address
// under its place, until that is taken off.
func (w *world) floatElsewhere(id string, find func(*doctor.Facts) *doctor.NIC) {
	w.Change(id, func(n object) {
		p := n["properties"].(object)
		own := config(p, 0)
		p["ipConfigurations"] = append(p["ipConfigurations"].([]any), object{"name": "second", "properties": object{"primary": false,
			"privateIPAllocationMethod": "Dynamic", "subnet": own["subnet"]}})
	})
	w.judge = func(f *doctor.Facts) {
		n := find(f)
		if len(n.Configs) == 2 {
			n.Configs[1].Addr, n.Configs[1].Static = sitetest.FloatingIP, true
		}
	}
	w.written = func(string) { w.judge = nil }
}

func guestFaults() []fault {
	return []fault{
		{name: "guest doesn't forward", code: "guest-forwarding", plant: guest(1, func(g *doctor.Guest) { g.NotForwarding = []string{"net.ipv4.ip_forward"} })},
		{name: "guest's interface is down", code: "guest-link", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.Interfaces[1].Up = false })},
		{name: "MGMT is down, so ARM isn't reached", code: "guest-link", person: recovers(1), plant: guest(1, func(g *doctor.Guest) {
			g.Interfaces[0].Up, g.ARM = false, doctor.Reach{Host: "management.azure.com", Why: "no such device"}
		})},
		{name: "guest has another address", code: "guest-address", plant: guest(0, func(g *doctor.Guest) { g.Interfaces[1].Have = nil })},
		{name: "floating IP not in the active's guest", code: "guest-fip", plant: guest(0, func(g *doctor.Guest) { g.Interfaces[2].Have = g.Interfaces[2].Have[:1] })},
		{name: "floating IP in the standby's guest", code: "guest-fip-standby", plant: guest(1, func(g *doctor.Guest) {
			g.Interfaces[2].Have = append(g.Interfaces[2].Have, netip.PrefixFrom(sitetest.FloatingIP, 32))
		})},
		{name: "small MTU", code: "mtu", plant: guest(0, func(g *doctor.Guest) { g.Interfaces[2].MTU, g.Paths[0].MTU = 1400, 1400 })},
		{name: "narrow path", code: "mtu", person: recovers(0), plant: guest(0, func(g *doctor.Guest) { g.Paths[0].MTU = 1280 })},
		{name: "only a public server answers", code: "dns-private", person: recovers(0), plant: guest(0, func(g *doctor.Guest) { g.DNS[0].OK = false })},
		{name: "no DNS server answers", code: "dns-blocked", person: recovers(0), plant: guest(0, func(g *doctor.Guest) { g.DNS[0].OK, g.DNS[1].OK = false, false })},
		{name: "ARM not reached", code: "arm-unreachable", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.ARM = doctor.Reach{Host: "management.azure.com", Why: "timeout"} })},
		{name: "ARM reached by another NIC", code: "arm-other-nic", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.ARM.MGMT, g.ARM.By = false, "wan" })},
		{name: "clock wrong", code: "clock", plant: guest(0, func(g *doctor.Guest) { *g.SkewS = -700 })},
		{name: "metadata service not reached", code: "imds", person: recovers(0), plant: guest(0, func(g *doctor.Guest) { g.Token = doctor.Token{Problem: "unreachable", Detail: "timeout"} })},
		{name: "metadata service busy", code: "imds-busy", person: recovers(0), plant: guest(0, func(g *doctor.Guest) { g.Token = doctor.Token{Problem: "busy", Detail: "HTTP status 429"} })},
		{name: "client id of no identity", code: "client-id", plant: guest(1, func(g *doctor.Guest) {
			g.Config.ClientID, g.Token = "object-id", doctor.Token{Problem: "identity", Detail: "Identity not found"}
		})},
		{name: "identity not named", code: "identity-unnamed", plant: guest(1, func(g *doctor.Guest) {
			g.Config.ClientID, g.Token = "", doctor.Token{Problem: "identity", Detail: "Multiple user assigned identities exist"}
		})},
		{name: "token of another tenant", code: "token-tenant", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.Token.Tenant = "another" })},
		{name: "right missing, as the guest sees it", code: "role-missing", person: recovers(1), plant: guest(1, func(g *doctor.Guest) {
			g.Missing = []doctor.Missing{{Action: "Microsoft.Network/networkInterfaces/write", Scope: "/x"}}
		})},
		{name: "version below 11.0", code: "version-old", person: recovers(0), plant: guest(0, func(g *doctor.Guest) { g.Version = site.Version{Major: 10, Minor: 4} })},
		{name: "versions differ", code: "version-differs", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.Version.Major++ })},
		{name: "another floating IP in the settings", code: "config-differs", plant: guest(1, func(g *doctor.Guest) { g.Config.FloatingIP = netip.MustParseAddr("10.102.2.201") })},
		{name: "another peer NIC in the settings", code: "config-differs", plant: guest(1, func(g *doctor.Guest) { g.Config.PeerNIC += "x" })},
		{name: "agent down", code: "agent-down", plant: guest(1, func(g *doctor.Guest) { g.Status = nil })},
		{name: "no HA settings", code: "ha-missing", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.Config, g.Status.Master = doctor.Config{}, true })},
		{name: "both Master", code: "both-master", person: recovers(1), plant: func(w *world) {
			w.guests[1].Status.Master = true
			w.guests[1].Interfaces[2].Have = append(w.guests[1].Interfaces[2].Have, netip.PrefixFrom(sitetest.FloatingIP, 32))
		}},
		{name: "neither Master", code: "no-master", person: recovers(0), plant: func(w *world) { w.guests[0].Status.Master = false }},
		{name: "keepalives not heard", code: "keepalive", person: recovers(1), plant: guest(1, func(g *doctor.Guest) { g.Status.Heard = false })},
		{name: "the guest couldn't look", code: "unseen", person: recovers(1), plant: guest(1, func(g *doctor.Guest) {
			g.Unseen = []doctor.Unseen{{What: "the clock", Where: "guest", Why: "no answer"}}
		})},
	}
}
