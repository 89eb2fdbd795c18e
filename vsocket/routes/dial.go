package routes

import (
	"context"
	"net"
	"net/netip"
)

// platform answers DNS on every Azure VM, outside of all subnets, and is led by
// DHCP's own route.
var platform = netip.MustParseAddr("168.63.129.16")

// By makes connections that leave by the interface with the address, and so does
// what is asked of DNS servers for them (C3), but for those on this host and Azure's
// own.
func By(local netip.Addr) *net.Dialer {
	ip := net.IP(local.AsSlice())
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		server, err := netip.ParseAddrPort(address)
		if err == nil && server.Addr() != platform && !server.Addr().IsLoopback() && server.Addr().Is4() {
			switch network {
			case "udp", "udp4":
				d.LocalAddr = &net.UDPAddr{IP: ip}
			default:
				d.LocalAddr = &net.TCPAddr{IP: ip}
			}
		}
		return d.DialContext(ctx, network, address)
	}}
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}, Resolver: resolver}
}
