package webui

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/vishvananda/netlink"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/web/browsertest"
)

// noAddress is the kernel's IN6_ADDR_GEN_MODE_NONE (uapi/linux/if_link.h).
const noAddress = 1

// enters signs a real browser in.
func enters(b *browsertest.Browser) {
	b.Open("/")
	b.Types("password", password)
	b.Do("going in", chromedp.Click("main form .btn-primary"))
	b.Until("location.pathname === '/' && !document.getElementById('password')")
}

// plugged gives the guest the interfaces of a VM in Azure. It comes before the
// browser: Chromium ends each request with ERR_NETWORK_CHANGED when an address
// comes or goes, and one that the kernel makes itself (IPv6, after it asked for
// duplicates) comes seconds after its link, so there is none.
func (r *rig) plugged() {
	r.t.Helper()
	for name, address := range map[string]string{"eth0": "10.102.1.10/24", "eth1": "10.102.2.10/24", "eth2": "10.102.3.10/24", "rlv-tun": "100.64.0.1/32"} {
		link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: 1500}, PeerName: name + "-far"}
		parsed, err := netlink.ParseAddr(address)
		for _, do := range []func() error{
			func() error { return err },
			func() error { return netlink.LinkAdd(link) },
			func() error { return netlink.LinkSetIP6AddrGenMode(link, noAddress) },
			func() error { return netlink.AddrAdd(link, parsed) },
			func() error { return netlink.LinkSetUp(link) },
			func() error {
				far, err := netlink.LinkByName(name + "-far")
				if err != nil {
					return err
				}
				if err := netlink.LinkSetIP6AddrGenMode(far, noAddress); err != nil {
					return err
				}
				return netlink.LinkSetUp(far)
			},
		} {
			if err := do(); err != nil {
				r.t.Fatalf("%s: %v", name, err)
			}
		}
		r.t.Cleanup(func() { _ = netlink.LinkDel(link) })
	}
}

// wired has the tools go out by what is plugged.
func (r *rig) wired() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ways = map[string]string{"LAN1": "eth1", "WAN1": "eth0", "MGMT": "eth2", "tunnel": "rlv-tun"}
}

// F4, F5 by clicking: a ping whose replies come as they come, an API test with the
// remedy; and monitoring that follows the agent without being loaded anew.
func TestBrowserTools(t *testing.T) {
	browsertest.Need(t)
	r := newRig(t)
	r.steps = []apitest.Step{{Name: "token", Result: apitest.Failed, Problem: apitest.ProblemAccess, Hints: []string{"name its client id in azure.client_id"}}}
	b := browsertest.Start(t, r.server.URL, "en")
	enters(b)
	b.Sees("on this vSocket's NIC")
	b.Do("network tools", chromedp.Click(`//nav//a[normalize-space()="Network tools"]`))
	b.Until("location.pathname === '/tools/ping'")
	b.Do("via LAN1", chromedp.Click(`input[value="LAN1"]`))
	b.Types("host", "127.0.0.1")
	b.Types("count", "3")
	b.Presses("Run")
	b.Until("document.querySelectorAll('tbody tr').length > 0 && !document.body.innerText.includes('sent')")
	b.Sees("3 sent, 3 received, 0 % lost")
	b.Presses("API test")
	b.Until("location.pathname === '/tools/api-test'")
	b.Presses("Run")
	b.Sees("check the settings of access control (IAM)")
	b.Open("/")
	b.Sees("on this vSocket's NIC")
	r.change(func(s *site.Status) {
		s.Master, s.Role, s.Holder, s.FIP.On = false, site.Standby, site.Secondary, "peer"
	})
	b.Sees("on the other's NIC")
}

// No page has anything that axe finds wrong, in either language and look, at a
// desk's width and a phone's.
func TestBrowserEachPage(t *testing.T) {
	browsertest.Need(t)
	r := newRig(t)
	r.plugged()
	b := browsertest.Start(t, r.server.URL, "en")
	each := func(paths ...string) {
		b.EachLook(func(look string) {
			for _, path := range paths {
				b.Looks(path, "vsocket-"+look+strings.ReplaceAll(strings.TrimSuffix(path, "/"), "/", "-"), nil)
			}
		})
	}
	b.Open("/sign-in")
	each("/sign-in")
	enters(b)
	plain := r.signedIn()
	r.steps = []apitest.Step{{Name: "metadata service", Result: apitest.OK, MS: 3}, {Name: "token", Result: apitest.OK, MS: 41, Detail: "valid for 23 h"},
		{Name: "own NIC", Result: apitest.Failed, MS: 118, Problem: apitest.ProblemNIC, Hints: []string{"enable IP forwarding on the NIC"}}, {Name: "peer NIC", Result: apitest.Skipped}}
	plain.runs("ping", "via", "LAN1", "host", "127.0.0.1", "count", "5")
	plain.runs("traceroute", "via", "LAN1", "host", "127.0.0.1")
	plain.runs("api-test")
	plain.runs("capture", "via", "LAN1", "protocol", "icmp", "host", "127.0.0.1", "seconds", "60", "most", "4")
	for _, tool := range []string{"ping", "traceroute", "api-test"} {
		r.ended(tool)
	}
	plain.post("/tools/capture/stop")
	r.ended("capture")
	r.wired()
	each("/", "/ha", "/tools/ping", "/tools/traceroute", "/tools/api-test", "/tools/capture", "/password", "/nothing")
	// What isn't well is what people come for.
	r.change(func(s *site.Status) {
		s.Master, s.Role, s.Holder, s.Fit, s.Reason = false, site.Standby, site.Secondary, false, "the WAN is down"
		s.Summary = "Standby. HA is Not ready (Keepalive: the peer was never heard on the LAN)."
		s.HA.Ready, s.HA.Indicators[1].OK, s.HA.Indicators[1].Reason = false, false, "the peer was never heard on the LAN"
		s.Peer, s.FIP.On, s.Tunnel.Up, s.Tunnel.Problem = site.PeerStatus{}, "peer", false, "no handshake for 40 s"
	})
	for _, look := range []string{"light", "dark"} {
		b.Fetch("/look", "lang=en&look="+look)
		b.Looks("/", "vsocket-"+look+"-en-unwell", nil)
	}
	if err := r.closeDoor(); err != nil {
		t.Fatal(err)
	}
	b.Looks("/", "vsocket-dark-en-no-agent", nil)
}
