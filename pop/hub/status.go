package hub

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// DeviceStatus is one of the two devices.
type DeviceStatus struct {
	Side   site.Side `json:"side"`
	Name   string    `json:"name"`
	Port   int       `json:"port"`
	Up     bool      `json:"up"`
	Kernel bool      `json:"kernel"` // WireGuard is the kernel's, not wireguard-go
}

// SiteStatus is a site that is served.
type SiteStatus struct {
	Name       string                      `json:"name"`
	ID         uint32                      `json:"id"`
	Ranges     []netip.Prefix              `json:"ranges"`
	Downstream site.Side                   `json:"downstream"`
	Upstream   []site.Side                 `json:"upstream"`
	VSockets   map[site.Side]VSocketStatus `json:"vsockets"`
}

// VSocketStatus is one of its vSockets. Bytes count from the session's last renewal.
type VSocketStatus struct {
	Address   netip.Addr     `json:"address"`
	PublicKey tunnel.Key     `json:"public_key"`
	Endpoint  netip.AddrPort `json:"endpoint"`           // empty: never heard
	Handshake time.Time      `json:"handshake,omitzero"` // of the last one; absent: none
	Received  uint64         `json:"received_bytes"`
	Sent      uint64         `json:"sent_bytes"`

	ReceivedRate float64 `json:"received_rate"` // bytes a second, by Rates
	SentRate     float64 `json:"sent_rate"`
}

// Status tells of all sites, by name. The error says what isn't known: the rest is.
// Devices are asked without holding up who changes a way.
func (h *Hub) Status() (devices []DeviceStatus, sites []SiteStatus, err error) {
	known := map[tunnel.Key]tunnel.Stats{}
	for _, side := range Sides {
		status := DeviceStatus{Side: side, Name: h.cfg.Devices.Name(side), Port: h.cfg.Listen.Port(side)}
		if d := h.up(side); d != nil {
			stats, failed := d.Stats()
			err = errors.Join(err, failed)
			status.Up, status.Kernel = failed == nil, d.Kernel()
			for _, s := range stats {
				known[s.PublicKey] = s
			}
		}
		devices = append(devices, status)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.served {
		sites = append(sites, s.status(known))
	}
	slices.SortFunc(sites, func(a, b SiteStatus) int { return strings.Compare(a.Name, b.Name) })
	return devices, sites, err
}

func (s *served) status(known map[tunnel.Key]tunnel.Stats) SiteStatus {
	status := SiteStatus{Name: s.Name, ID: s.ID, Ranges: s.Ranges, Downstream: s.down, Upstream: slices.Clone(s.up),
		VSockets: map[site.Side]VSocketStatus{}}
	for _, side := range Sides {
		if v := s.VSocket(side); v != nil {
			k := known[v.PublicKey]
			status.VSockets[side] = VSocketStatus{Address: v.Address, PublicKey: v.PublicKey, Endpoint: k.Endpoint,
				Handshake: k.Handshake, Received: k.Received, Sent: k.Sent}
		}
	}
	return status
}
