package steer

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
)

// carried is a floating IP's configuration made fit for another NIC: what its
// owner set stays, what Azure derived from the old NIC goes.
func carried(config json.RawMessage) json.RawMessage {
	top, err := members(config, "the floating IP's configuration")
	if err != nil {
		return nil
	}
	props, err := members(top.get("properties"), "its properties")
	if err != nil {
		return nil
	}
	props = props.without("provisioningState", "primary")
	return top.without("id", "etag", "type").with("properties", props.join()).join()
}

// remember writes configurations down, to be kept: one as it is, several as an
// array, the same ones always the same way.
func remember(seen []Floating) string {
	if len(seen) == 1 {
		return string(seen[0].Config)
	}
	var configs []json.RawMessage
	for _, f := range slices.SortedFunc(slices.Values(seen), func(a, b Floating) int { return a.Addr.Compare(b.Addr) }) {
		configs = append(configs, f.Config)
	}
	return string(list(configs))
}

// recall reads what remember has written, or nothing, and leaves out what isn't
// of these floating IPs in this subnet: the settings may have changed since.
func recall(kept string, fips []netip.Addr, subnet string) (seen []Floating) {
	if !json.Valid([]byte(kept)) {
		return nil
	}
	configs := []json.RawMessage{json.RawMessage(kept)}
	if all, err := items(json.RawMessage(kept), "what was kept"); err == nil {
		configs = all
	}
	for _, config := range configs {
		if addr := addressIn(config, subnet); slices.Contains(fips, addr) && find(seen, addr) == nil {
			seen = append(seen, Floating{Addr: addr, Config: config})
		}
	}
	return seen
}

// addressIn is a configuration's address if it is in this subnet, else none.
func addressIn(config json.RawMessage, subnet string) netip.Addr {
	var c struct {
		Properties struct {
			Address string `json:"privateIPAddress"`
			Subnet  struct {
				ID string `json:"id"`
			} `json:"subnet"`
		} `json:"properties"`
	}
	if json.Unmarshal(config, &c) != nil || !strings.EqualFold(c.Properties.Subnet.ID, subnet) {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(c.Properties.Address)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

// freshConfig is the floating IP's configuration where none was seen to carry
// over. Its application security groups are the own primary configuration's,
// as Azure wants them the same on all configurations of a NIC.
func (n *NIC) freshConfig(name string, fip netip.Addr, subnet string) json.RawMessage {
	props := object{}.
		with("privateIPAddress", quoted(fip.String())).
		with("privateIPAllocationMethod", quoted("Static")).
		with("privateIPAddressVersion", quoted("IPv4")).
		with("subnet", object{}.with("id", quoted(subnet)).join())
	if groups := n.primaryGroups(); groups != nil {
		props = props.with("applicationSecurityGroups", groups)
	}
	return object{}.with("name", quoted(name)).with("properties", props.join()).join()
}

func (n *NIC) primaryGroups() json.RawMessage {
	for _, raw := range n.configs {
		if props, err := properties(raw); err == nil && string(props.get("primary")) == "true" {
			return props.get("applicationSecurityGroups")
		}
	}
	return nil
}

// freeName is a name that no configuration of the NIC or of the list has yet: a
// NIC's configurations have each their own (azure.md section 5).
func (n *NIC) freeName(name string, addr netip.Addr, besides []Floating) string {
	taken := func(config json.RawMessage) bool {
		top, err := members(config, "an IP configuration")
		return err == nil && strings.EqualFold(text(top.fold("name")), name)
	}
	if slices.ContainsFunc(n.configs, taken) || slices.ContainsFunc(besides, func(f Floating) bool { return taken(f.Config) }) {
		return name + "-" + strings.ReplaceAll(addr.String(), ".", "-")
	}
	return name
}
