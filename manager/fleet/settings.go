package fleet

import (
	"net/netip"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

var sides = map[site.Side]channel.Settings_Side{
	site.Primary:   channel.Settings_PRIMARY,
	site.Secondary: channel.Settings_SECONDARY,
}

// settings are the inventory's as they travel. What it doesn't say yet (timers,
// PoPs) is left to the vSocket's file.
func settings(s inventory.Settings) *channel.Settings {
	m := &channel.Settings{
		Generation: s.Generation, Site: s.SiteName, Side: sides[s.Side], LanIp: text(s.LANIP),
		Networks: []*channel.Network{{Name: "native", Prefix: s.Native.Prefix.String(), Native: true, LocalIp: text(s.Native.LocalIP)}},
	}
	for _, r := range s.Ranges {
		m.Networks = append(m.Networks, &channel.Network{Name: r.Name, Prefix: r.Prefix.String(), Gateway: text(r.Gateway)})
	}
	if s.HA != nil {
		m.Ha = &channel.HA{
			FloatingIp: text(s.HA.FloatingIP), PeerSerial: string(s.HA.PeerSerial), PeerLan: text(s.HA.PeerIP), Key: s.HA.Key,
		}
	}
	return m
}

// text is "" for no address.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
