package examine

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/dns/dnsmessage"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
	"releve.dev/releve/doctor"
	"releve.dev/releve/house/private"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { private.Main(m) }

const nics = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/"

// world is a guest whose interfaces are all the loopback, and an Azure there.
type world struct {
	Config
	arm     *httptest.Server
	skew    time.Duration // of ARM's clock
	granted string        // permissions
}

func newWorld(t *testing.T) *world {
	w := &world{granted: `[{"actions":["*"]}]`}
	w.arm = httptest.NewTLSServer(http.HandlerFunc(w.serveARM))
	t.Cleanup(w.arm.Close)
	folder := t.TempDir()
	ca := filepath.Join(folder, "ca.pem")
	write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.arm.Certificate().Raw})))
	write(t, filepath.Join(folder, "resolv.conf"), "# comment\nnameserver 127.0.0.53\nnameserver nonsense\n")
	write(t, filepath.Join(folder, "net/ipv4/ip_forward"), "1\n")
	write(t, filepath.Join(folder, "net/ipv4/conf/lo/forwarding"), "1\n")
	metadata := httptest.NewServer(http.HandlerFunc(serveIMDS))
	t.Cleanup(metadata.Close)
	client, err := imds.New(imds.Config{Base: metadata.URL, Audience: w.arm.URL})
	if err != nil {
		t.Fatal(err)
	}
	tokens := imds.NewTokens(client)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go tokens.Run(ctx)
	cloud, err := arm.New(arm.Config{Endpoint: w.arm.URL, CAFile: ca, Tokens: tokens, NIC: nics + "own", PeerNIC: nics + "peer", Clock: func() time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	own := netip.MustParsePrefix("127.0.0.1/8")
	w.Config = Config{Side: site.Primary, Version: site.Release, Endpoint: w.arm.URL, CAFile: ca, Metadata: client, ARM: cloud, Subnet: "/subnet",
		Peer: netip.MustParseAddr("127.0.0.2"), Resolvers: filepath.Join(folder, "resolv.conf"), Sysctls: folder,
		Interfaces: []Interface{{"mgmt", "lo", own}, {"wan", "lo", own}, {"lan", "lo", own}}}
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) serveARM(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Date", time.Now().Add(w.skew).UTC().Format(http.TimeFormat))
	if strings.HasSuffix(r.URL.Path, "/permissions") {
		fmt.Fprintf(out, `{"value":%s}`, w.granted)
		return
	}
	fmt.Fprintf(out, `{"id":"%s","name":"n","etag":"1","properties":{"networkSecurityGroup":{"id":"/nsg"},"ipConfigurations":[{"name":"a","properties":{"primary":true,"subnet":{"id":"/subnet"}}}]}}`, r.URL.Path)
}

func serveIMDS(out http.ResponseWriter, _ *http.Request) {
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"the-tenant"}`))
	fmt.Fprintf(out, `{"access_token":"h.%s.s","client_id":"c","expires_in":"3600"}`, claims)
}

func TestHealthyGuest(t *testing.T) {
	w := newWorld(t)
	g := Look(t.Context(), w.Config)
	if !g.ARM.OK || !g.ARM.MGMT || g.ARM.By != "mgmt" || g.SkewS == nil || *g.SkewS > 2 || *g.SkewS < -2 {
		t.Errorf("ARM %+v, clock %v", g.ARM, g.SkewS)
	}
	if !g.Token.OK || g.Token.Tenant != "the-tenant" || g.Token.ClientID != "c" {
		t.Errorf("token %+v", g.Token)
	}
	if g.NotForwarding != nil || g.Missing != nil || g.Unseen != nil {
		t.Errorf("%+v", g)
	}
	if len(g.Paths) != 1 || g.Paths[0] != (doctor.Path{To: "peer", By: "lan", MTU: 1500, Want: 1500}) {
		t.Errorf("paths %+v", g.Paths)
	}
	if x := g.Interfaces[2]; !x.Up || !x.Has(netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("interface %+v", x)
	}
	facts := &doctor.Facts{}
	g.Status, g.Config = &doctor.Status{Master: true, Ready: true, Heard: true}, doctor.Config{}
	facts.Guests[0] = g
	if found := doctor.Examine(facts); found != nil {
		t.Errorf("findings: %+v", found)
	}
}

func TestFaultsOfTheGuestAreSeen(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, w *world)
		seen  func(g *doctor.Guest) bool
	}{
		{"not forwarding", func(t *testing.T, w *world) { write(t, filepath.Join(w.Sysctls, "net/ipv4/ip_forward"), "0\n") },
			func(g *doctor.Guest) bool {
				return len(g.NotForwarding) == 1 && g.NotForwarding[0] == "net.ipv4.ip_forward"
			}},
		{"one interface not forwarding", func(t *testing.T, w *world) {
			write(t, filepath.Join(w.Sysctls, "net/ipv4/conf/lo/forwarding"), "0\n")
		}, func(g *doctor.Guest) bool {
			return len(g.NotForwarding) > 0 && g.NotForwarding[0] == "net.ipv4.conf.lo.forwarding"
		}},
		{"an interface isn't there", func(_ *testing.T, w *world) { w.Interfaces[1].Name = "gone" },
			func(g *doctor.Guest) bool { return !g.Interfaces[1].Up && g.Interfaces[1].Name == "gone" }},
		{"a clock that is late", func(_ *testing.T, w *world) { w.skew = 10 * time.Minute },
			func(g *doctor.Guest) bool { return g.SkewS != nil && *g.SkewS < -595 && *g.SkewS > -605 }},
		{"ARM is gone", func(_ *testing.T, w *world) { w.arm.Close() },
			func(g *doctor.Guest) bool { return !g.ARM.OK && !g.ARM.MGMT && strings.Contains(g.ARM.Why, "refused") }},
		{"ARM by another interface only", func(_ *testing.T, w *world) { w.Interfaces[0].Name = "gone" },
			func(g *doctor.Guest) bool { return g.ARM.OK && !g.ARM.MGMT && g.ARM.Others != "" }},
		{"a right is missing", func(_ *testing.T, w *world) {
			w.granted = `[{"actions":["*"],"notActions":["*/networkSecurityGroups/*"]}]`
		},
			func(g *doctor.Guest) bool {
				return len(g.Missing) == 1 && g.Missing[0] == doctor.Missing{Action: "Microsoft.Network/networkSecurityGroups/join/action", Scope: "/nsg"}
			}},
		{"no metadata service", func(t *testing.T, w *world) {
			client, err := imds.New(imds.Config{Base: "http://127.0.0.1:1"})
			if err != nil {
				t.Fatal(err)
			}
			w.Metadata = client
		}, func(g *doctor.Guest) bool { return !g.Token.OK && g.Token.Problem == "unreachable" }},
		{"the status can't be had", func(_ *testing.T, w *world) {
			w.Status = func(context.Context) (*doctor.Status, error) { return nil, io.ErrUnexpectedEOF }
		}, func(g *doctor.Guest) bool { return g.Status == nil && len(g.Unseen) == 1 }},
		{"resolv.conf can't be read", func(_ *testing.T, w *world) {
			w.Resolvers, w.Endpoint = "/nowhere", "https://arm.test"
		}, func(g *doctor.Guest) bool { return len(g.Unseen) == 1 && strings.Contains(g.Unseen[0].What, "DNS") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.spoil(t, w)
			if g := Look(t.Context(), w.Config); !c.seen(g) {
				t.Errorf("%+v", g)
			}
		})
	}
}

// A link that carries less than Azure's 1500 bytes is found, to within 4 bytes.
func TestPathMTU(t *testing.T) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetMTU(lo, 1320); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netlink.LinkSetMTU(lo, 65536) })
	got, err := pathMTU(t.Context(), "lo", netip.MustParseAddr("127.0.0.2"))
	if err != nil || got > 1320 || got < 1316 {
		t.Errorf("%d, %v", got, err)
	}
}

// Servers that know a name, refuse it, or are silent are told apart (C2).
func TestEachResolverIsAsked(t *testing.T) {
	answer(t, "127.0.0.53", dnsmessage.RCodeNameError)
	answer(t, "127.0.0.54", dnsmessage.RCodeSuccess)
	w := newWorld(t)
	w.Endpoint = "https://arm.releve.test"
	w.Public = []netip.Addr{netip.MustParseAddr("127.0.0.54"), netip.MustParseAddr("127.0.0.55")}
	l := &look{Config: w.Config, guest: &doctor.Guest{}}
	l.dns(t.Context())
	if len(l.guest.DNS) != 3 {
		t.Fatalf("%+v", l.guest.DNS)
	}
	for i, want := range []bool{false, true, false} {
		r := l.guest.DNS[i]
		if r.OK != want || r.Default != (i == 0) || (r.Problem == "") != want {
			t.Errorf("server %d: %+v", i, r)
		}
	}
	facts := &doctor.Facts{}
	facts.Guests[0] = &doctor.Guest{Side: site.Primary, Version: site.Release, Status: &doctor.Status{Master: true}, DNS: l.guest.DNS}
	if found := doctor.Examine(facts); len(found) != 1 || found[0].Code != "dns-private" {
		t.Errorf("findings %+v", found)
	}
}

// answer is a DNS server with one answer to all.
func answer(t *testing.T, addr string, code dnsmessage.RCode) {
	t.Helper()
	conn, err := net.ListenPacket("udp", addr+":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response, m.RCode, m.Additionals = true, code, nil
			if code == dnsmessage.RCodeSuccess {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
					Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}}}
			}
			reply, err := m.Pack()
			if err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
}
