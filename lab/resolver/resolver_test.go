package resolver

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestServe(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(Zone{"management.azure.test": netip.MustParseAddr("203.0.113.20")}, packets, listener)
	defer s.Close()
	for _, c := range []struct {
		name   string
		kind   uint16
		code   int
		answer string
	}{
		{"management.azure.test.", dns.TypeA, dns.RcodeSuccess, "203.0.113.20"},
		{"MANAGEMENT.azure.test.", dns.TypeA, dns.RcodeSuccess, "203.0.113.20"},
		{"management.azure.test.", dns.TypeAAAA, dns.RcodeSuccess, ""}, // it is there, without IPv6
		{"nobody.azure.test.", dns.TypeA, dns.RcodeNameError, ""},
	} {
		for _, way := range []string{"udp", "tcp"} {
			client := dns.Client{Net: way, Timeout: 10 * time.Second}
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(c.name, c.kind), listener.Addr().String())
			if err != nil {
				t.Fatalf("%s by %s: %v", c.name, way, err)
			}
			got := ""
			if len(answer.Answer) == 1 {
				got = answer.Answer[0].(*dns.A).A.String()
			}
			if answer.Rcode != c.code || got != c.answer {
				t.Errorf("%s by %s: %s %q, want %s %q", c.name, way, dns.RcodeToString[answer.Rcode], got, dns.RcodeToString[c.code], c.answer)
			}
		}
	}
}
