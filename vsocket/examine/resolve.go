package examine

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/doctor"
)

const resolveTimeout = 4 * time.Second

// dns asks each server for ARM's name: the system's own, and public ones, so that
// private servers that don't know it and a blocked port 53 can be told apart (C2).
func (l *look) dns(ctx context.Context) {
	endpoint, err := url.Parse(l.Endpoint)
	if l.Endpoint == "" || err != nil {
		return
	}
	if _, err := netip.ParseAddr(endpoint.Hostname()); err == nil {
		return // no name
	}
	servers, err := nameservers(l.Resolvers)
	if err != nil {
		l.unseen("the system's DNS servers", err)
	}
	asked := make([]doctor.Resolver, 0, len(servers)+len(l.Public))
	for _, server := range servers {
		asked = append(asked, doctor.Resolver{Server: server, Default: true})
	}
	for _, server := range l.Public {
		if !slices.Contains(servers, server) {
			asked = append(asked, doctor.Resolver{Server: server})
		}
	}
	var all sync.WaitGroup
	for i := range asked {
		all.Go(func() {
			r := &asked[i]
			if err := l.resolve(ctx, r.Server, endpoint.Hostname()); err != nil {
				r.Problem = err.Error()
			} else {
				r.OK = true
			}
		})
	}
	all.Wait()
	l.guest.DNS = asked
}

// resolve asks one server, and from MGMT if it isn't the guest's own (C3).
func (l *look) resolve(ctx context.Context, server netip.Addr, host string) error {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dialer := net.Dialer{}
		if !server.IsLoopback() {
			dialer.Control = bind(l.named("mgmt"))
		}
		return dialer.DialContext(ctx, network, netip.AddrPortFrom(server, 53).String())
	}}
	_, err := resolver.LookupNetIP(ctx, "ip4", strings.TrimSuffix(host, ".")+".")
	if err != nil {
		return reason(err)
	}
	return nil
}

// nameservers are those of a resolv.conf (resolv.conf(5)).
func nameservers(path string) ([]netip.Addr, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var servers []netip.Addr
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == "nameserver" {
			if addr, err := netip.ParseAddr(fields[1]); err == nil {
				servers = append(servers, addr)
			}
		}
	}
	return servers, lines.Err()
}
