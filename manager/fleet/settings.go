package fleet

import (
	"context"
	"encoding/base64"
	"net/netip"
	"time"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

var sides = map[site.Side]channel.Settings_Side{
	site.Primary:   channel.Settings_PRIMARY,
	site.Secondary: channel.Settings_SECONDARY,
}

// present is what the device is to have now, nil if that is what was sent, and its
// generation. Which of the two kinds of device it is, is checked by the inventory.
func (s *session) present(ctx context.Context, sent uint64) (*channel.Down, uint64, error) {
	// There are many sessions, which look again and again, and hardly ever find anything.
	if is, err := s.fleet.c.Inventory.Generation(ctx, s.serial, s.isPoP); err != nil || is == sent {
		return nil, is, err
	}
	if s.isPoP {
		now, err := s.fleet.c.Inventory.PoPSettings(ctx, s.serial)
		return &channel.Down{Message: &channel.Down_PopSettings{PopSettings: popSettings(now)}}, now.Generation, err
	}
	now, err := s.fleet.c.Inventory.Settings(ctx, s.serial)
	return &channel.Down{Message: &channel.Down_Settings{Settings: settings(now)}}, now.Generation, err
}

// settings are the inventory's as they travel.
func settings(s inventory.Settings) *channel.Settings {
	m := &channel.Settings{
		Generation: s.Generation, Site: s.SiteName, Side: sides[s.Side], LanIp: text(s.LANIP),
		Networks: []*channel.Network{{Name: "native", Prefix: s.Native.Prefix.String(), Native: true, LocalIp: text(s.Native.LocalIP)}},
	}
	for _, r := range s.Ranges {
		m.Networks = append(m.Networks, &channel.Network{Name: r.Name, Prefix: r.Prefix.String(), Gateway: text(r.Gateway)})
	}
	if h := s.HA; h != nil {
		m.Ha = &channel.HA{
			FloatingIp: text(h.FloatingIP), PeerSerial: string(h.PeerSerial), PeerLan: text(h.PeerIP), PeerMgmt: text(h.PeerMGMT), Key: h.Key,
			KeepaliveMs: millis(h.Settings.Keepalive), SilentMs: millis(h.Settings.Silent), LeaseMs: millis(h.Settings.Lease),
			ConfirmMs: millis(h.Settings.Confirm), HoldMs: millis(h.Settings.Hold),
			Preempt: h.Settings.Preempt, Alone: h.Settings.Alone, Third: h.Settings.Third,
		}
	}
	if s.Cloud != nil {
		m.Cloud = cloud(s.Cloud, s.Side)
	}
	return m
}

func cloud(c *inventory.Cloud, side site.Side) *channel.Cloud {
	m := &channel.Cloud{SiteNumber: c.SiteNumber, Address: text(c.Address), WitnessKey: c.WitnessKey}
	for _, p := range c.PoPs {
		m.Pops = append(m.Pops, &channel.PoP{Name: p.Name, Endpoint: netip.AddrPortFrom(p.Told.Endpoint, p.Told.Port(side)).String(),
			PublicKey: key(p.Told.PublicKey), Witness: p.Told.Witness.String()})
	}
	return m
}

// popSettings are a PoP's.
func popSettings(s inventory.PoPSettings) *channel.PoPSettings {
	m := &channel.PoPSettings{Generation: s.Generation, Name: s.Name}
	for _, one := range s.Sites {
		ranges := make([]string, len(one.Ranges))
		for i, r := range one.Ranges {
			ranges[i] = r.String()
		}
		m.Sites = append(m.Sites, &channel.PoPSite{Number: one.Number, Name: one.Name, Ranges: ranges,
			Primary: popPeer(one.Primary), Secondary: popPeer(one.Secondary)})
	}
	for _, revoked := range s.Revoked {
		m.Revoked = append(m.Revoked, key(revoked))
	}
	return m
}

func popPeer(p *inventory.PoPPeer) *channel.PoPPeer {
	if p == nil {
		return nil
	}
	return &channel.PoPPeer{PublicKey: key(p.PublicKey), Address: text(p.Address), WitnessKey: p.WitnessKey}
}

// key reads what readKey wrote.
func key(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic("fleet: a key in the inventory: " + err.Error())
	}
	return raw
}

func millis(d time.Duration) uint32 { return uint32(d.Milliseconds()) }

// text is "" for no address.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
