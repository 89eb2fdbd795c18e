package resolver

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/house/private"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/examine"
)

func TestMain(m *testing.M) { private.Main(m) }

const arm = "management.azure.test"

// open is a host's port 53, both ways.
func open(t *testing.T, addr string) (net.PacketConn, net.Listener) {
	t.Helper()
	listener, err := net.Listen("tcp4", addr+":53")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp4", addr+":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packets.Close(); listener.Close() })
	return packets, listener
}

// C2: a guest with a private server alone and one whose port 53 is blocked are told
// apart, as the second doesn't reach the public server either.
func TestTheDoctorTellsPrivateServersFromABlockedPort(t *testing.T) {
	whole := Zone{arm: netip.MustParseAddr("203.0.113.20")}
	serve := func(addr string, zone Zone) {
		packets, listener := open(t, addr)
		s := Serve(zone, packets, listener)
		t.Cleanup(func() { _ = s.Close() })
	}
	serve("127.0.1.1", whole)                                                      // of the guest, as Azure's own
	serve("127.0.1.2", Zone{"vm1.internal.test": netip.MustParseAddr("10.0.0.4")}) // of the guest, a private one
	serve("127.0.1.3", whole)                                                      // public
	for _, addr := range []string{"127.0.1.4", "127.0.1.5"} {                      // swallow what comes, as a firewall does
		open(t, addr)
	}
	for name, c := range map[string]struct{ own, public, want string }{
		"a server that knows": {"127.0.1.1", "127.0.1.3", ""},
		"a private one alone": {"127.0.1.2", "127.0.1.3", "dns-private"},
		"a blocked port":      {"127.0.1.4", "127.0.1.5", "dns-blocked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(file, []byte("nameserver "+c.own+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			g := examine.Look(t.Context(), examine.Config{Side: site.Primary, Version: site.Release, Endpoint: "https://" + arm,
				Resolvers: file, Public: []netip.Addr{netip.MustParseAddr(c.public)}})
			f := &doctor.Facts{}
			f.Guests[0] = g
			var got []string
			for _, found := range doctor.Examine(f) {
				if code := found.Code; code == "dns-private" || code == "dns-blocked" {
					got = append(got, code)
				}
			}
			if c.want == "" && got != nil || c.want != "" && !slices.Equal(got, []string{c.want}) {
				t.Errorf("found %q, want %q; the servers: %+v", got, c.want, g.DNS)
			}
		})
	}
}
