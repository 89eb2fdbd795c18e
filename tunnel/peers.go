package tunnel

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// Peer is another end.
type Peer struct {
	PublicKey Key
	Endpoint  netip.AddrPort // where to begin; invalid: it begins, and is then known
	Allowed   []netip.Prefix // what comes from it, and goes to it
	KeepAlive time.Duration  // whole seconds; 0: none
}

func (p *Peer) equal(q *Peer) bool {
	return p.PublicKey == q.PublicKey && p.Endpoint == q.Endpoint && p.KeepAlive == q.KeepAlive &&
		slices.Equal(p.Allowed, q.Allowed)
}

// config is the peer as the device is told it.
func (p *Peer) config() wgtypes.PeerConfig {
	keepAlive := p.KeepAlive
	c := wgtypes.PeerConfig{PublicKey: wgtypes.Key(p.PublicKey), ReplaceAllowedIPs: true, PersistentKeepaliveInterval: &keepAlive}
	if p.Endpoint.IsValid() {
		c.Endpoint = net.UDPAddrFromAddrPort(p.Endpoint)
	}
	for _, prefix := range p.Allowed {
		c.AllowedIPs = append(c.AllowedIPs, net.IPNet{
			IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		})
	}
	return c
}

func removal(key Key) wgtypes.PeerConfig {
	return wgtypes.PeerConfig{PublicKey: wgtypes.Key(key), Remove: true}
}

// Set makes these the device's peers, and no others. One that is as it was is
// left alone, and so is its session.
func (d *Device) Set(peers []Peer) error {
	want := make(map[Key]Peer, len(peers))
	for _, p := range peers {
		if _, twice := want[p.PublicKey]; twice || p.PublicKey == d.own {
			return fmt.Errorf("device %s: two ends have the key %s", d.name, p.PublicKey)
		}
		p.Allowed = slices.Clone(p.Allowed)
		want[p.PublicKey] = p
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	change := wgtypes.Config{ReplacePeers: d.unsure}
	for key := range d.peers {
		if _, stays := want[key]; !stays && !d.unsure {
			change.Peers = append(change.Peers, removal(key))
		}
	}
	for _, p := range peers {
		if old, known := d.peers[p.PublicKey]; !known || d.unsure || !old.equal(&p) {
			change.Peers = append(change.Peers, p.config())
		}
	}
	if len(change.Peers) == 0 && !change.ReplacePeers {
		return nil
	}
	return d.configure(change, want)
}

// configure sends a change after which the peers are those that are wanted.
func (d *Device) configure(change wgtypes.Config, want map[Key]Peer) error {
	if d.wg == nil {
		return fmt.Errorf("device %s: %w", d.name, net.ErrClosed)
	}
	if err := d.wg.ConfigureDevice(d.name, change); err != nil {
		d.unsure = true
		return fmt.Errorf("device %s: set its peers: %w", d.name, err)
	}
	d.peers, d.unsure = want, false
	return nil
}

// Renew forgets the session with a peer and begins one anew, from where the peer
// was last heard. Who keeps a session whose other end has died waits 15 s for the
// handshake's timers; this takes a round trip (dataplane.md section 2).
func (d *Device) Renew(key Key) error {
	stats, err := d.Stats()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	peer, known := d.peers[key]
	if !known {
		return fmt.Errorf("device %s: no peer with the key %s", d.name, key)
	}
	again := peer.config()
	if i := slices.IndexFunc(stats, func(s Stats) bool { return s.PublicKey == key }); i >= 0 && stats[i].Endpoint.IsValid() {
		again.Endpoint = net.UDPAddrFromAddrPort(stats[i].Endpoint)
	}
	return d.configure(wgtypes.Config{Peers: []wgtypes.PeerConfig{removal(key), again}}, d.peers)
}

// Stats is what a device knows of a peer. Bytes count from the peer's setting or
// renewal.
type Stats struct {
	PublicKey      Key
	Endpoint       netip.AddrPort // where it was last heard, or begins; invalid: unknown
	Handshake      time.Time      // of the last one, by the wall clock; zero: none yet
	Received, Sent uint64
}

// Stats tells of all peers, in no order.
func (d *Device) Stats() ([]Stats, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wg == nil {
		return nil, fmt.Errorf("device %s: %w", d.name, net.ErrClosed)
	}
	state, err := d.wg.Device(d.name)
	if err != nil {
		return nil, fmt.Errorf("device %s: ask for its peers: %w", d.name, err)
	}
	all := make([]Stats, 0, len(state.Peers))
	for i := range state.Peers {
		p := &state.Peers[i]
		s := Stats{PublicKey: Key(p.PublicKey), Handshake: p.LastHandshakeTime,
			Received: uint64(p.ReceiveBytes), Sent: uint64(p.TransmitBytes)}
		if p.Endpoint != nil {
			at := p.Endpoint.AddrPort()
			s.Endpoint = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		}
		all = append(all, s)
	}
	return all, nil
}
