package fabric_test

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestTransitThroughFloatingIP(t *testing.T) {
	s := newSite(t)
	server := s.guests["server"].udp("10.102.5.5:7000")
	client := s.guests["client"].udp("10.102.4.4:7001")
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.102.5.5:7000"))
	if _, err := client.WriteTo([]byte("hello"), to); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	server.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := server.ReadFrom(buf)
	t.Logf("%q from %v: %v; %+v", buf[:n], from, err, s.Stats())
	if err != nil {
		t.Fatal(err)
	}
}
