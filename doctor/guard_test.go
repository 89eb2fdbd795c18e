package doctor

import (
	"net/netip"
	"testing"
)

// A security group's rules as Azure applies them: by priority, the first that
// fits; each group before a NIC must allow.
func TestGuards(t *testing.T) {
	deny := SecurityRule{Name: "deny", Priority: 65500, Protocol: "*", Source: []string{"*"}, Destination: []string{"*"}}
	allow := func(change func(*SecurityRule)) SecurityRule {
		r := SecurityRule{Name: "allow", Priority: 100, Allow: true, Protocol: "Tcp", Source: []string{"*"}, Destination: []string{"*"}, Ports: []string{"443"}}
		change(&r)
		return r
	}
	lan, public := netip.MustParseAddr("10.0.2.4"), netip.MustParseAddr("203.0.113.1")
	for _, c := range []struct {
		name   string
		rule   SecurityRule
		packet packet
		passes bool
	}{
		{"all", allow(func(*SecurityRule) {}), packet{protocol: "tcp", port: 443}, true},
		{"another port", allow(func(*SecurityRule) {}), packet{protocol: "tcp", port: 80}, false},
		{"a range of ports", allow(func(r *SecurityRule) { r.Ports = []string{"1-10", "80-90"} }), packet{protocol: "tcp", port: 85}, true},
		{"another protocol", allow(func(*SecurityRule) {}), packet{protocol: "udp", port: 443}, false},
		{"another direction", allow(func(r *SecurityRule) { r.Inbound = true }), packet{protocol: "tcp", port: 443}, false},
		{"effective rules' all", allow(func(r *SecurityRule) { r.Protocol, r.Destination = "All", []string{"0.0.0.0/0"} }), packet{protocol: "tcp", port: 443}, true},
		{"a tag of the destination", allow(func(r *SecurityRule) { r.Destination = []string{"azureresourcemanager"} }), packet{protocol: "tcp", port: 443, tags: armTags}, true},
		{"a tag that isn't", allow(func(r *SecurityRule) { r.Destination = []string{"Storage"} }), packet{protocol: "tcp", port: 443, tags: armTags}, false},
		{"the Internet", allow(func(r *SecurityRule) { r.Destination = []string{"Internet"} }), packet{protocol: "tcp", port: 443, destination: public}, true},
		{"the VNet isn't the Internet", allow(func(r *SecurityRule) { r.Destination = []string{"Internet"} }), packet{protocol: "tcp", port: 443, destination: lan}, false},
		{"the VNet", allow(func(r *SecurityRule) { r.Source = []string{"VirtualNetwork"} }), packet{protocol: "tcp", port: 443, source: lan}, true},
		{"a prefix", allow(func(r *SecurityRule) { r.Source = []string{"10.0.2.0/24"} }), packet{protocol: "tcp", port: 443, source: lan}, true},
		{"an address", allow(func(r *SecurityRule) { r.Source = []string{"10.0.2.5"} }), packet{protocol: "tcp", port: 443, source: lan}, false},
		{"an application security group", allow(func(r *SecurityRule) { r.Source = []string{"/asg"} }), packet{protocol: "tcp", port: 443, source: lan, sourceASGs: []string{"/ASG"}}, true},
		{"a load balancer's probes", allow(func(r *SecurityRule) { r.Source = []string{"AzureLoadBalancer"} }), packet{protocol: "tcp", port: 443, source: lan}, false},
	} {
		e := &examination{Facts: &Facts{VNet: VNet{Space: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}}}
		n := &NIC{Guards: []Guard{{ID: "/g", Rules: []SecurityRule{deny, c.rule}}}}
		if got := e.pass(n, c.packet); got.denied == c.passes {
			t.Errorf("%s: %+v", c.name, got)
		}
		n.Guards = append(n.Guards, Guard{ID: "/second", Rules: []SecurityRule{deny}})
		if got := e.pass(n, c.packet); !got.denied {
			t.Errorf("%s: a second group that denies is passed", c.name)
		}
	}
}
