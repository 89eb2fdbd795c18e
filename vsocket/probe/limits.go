package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// The bounds of the source's ping tool (F4; vendor-system.md (d)).
const (
	MostPings   = 100
	LongestPing = 120 * time.Second
)

// Check says what of a ping is out of bounds.
func (p *Ping) Check() error {
	switch {
	case p.Count < 1 || p.Count > MostPings:
		return fmt.Errorf("count: %d is not between 1 and %d", p.Count, MostPings)
	case p.Interval < 10*time.Millisecond:
		return fmt.Errorf("interval: %s is shorter than 10ms", p.Interval)
	case p.Timeout < time.Millisecond || p.Timeout > 10*time.Second:
		return fmt.Errorf("timeout: %s is not between 1ms and 10s", p.Timeout)
	case time.Duration(p.Count)*max(p.Interval, p.Timeout) > LongestPing:
		return fmt.Errorf("%d pings, one each %s, may take longer than %s", p.Count, max(p.Interval, p.Timeout), LongestPing)
	}
	return nil
}

// LookUp finds the IPv4 address of a host, by name or address.
func LookUp(ctx context.Context, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is4() {
			return addr, nil
		}
		return addr, fmt.Errorf("%s is not an IPv4 address", host)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("looking up %s: %w\nhint: the vSocket needs a public DNS server (C2); an address works without one", host, err)
	}
	return addrs[0].Unmap(), nil
}
