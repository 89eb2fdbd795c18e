package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ParseNIC reads a network interface as ARM shows it.
func ParseNIC(body []byte) (*NIC, error) {
	var d nicBody
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("the answer is no NIC: %w", err)
	}
	p := &d.Properties
	if d.ID == "" || len(p.Configs) == 0 {
		return nil, errors.New("the answer is no NIC: it has no id, or no IP configuration")
	}
	n := &NIC{ID: d.ID, Name: d.Name, ETag: d.ETag, State: p.State, Forwarding: p.Forwarding, Accelerated: p.Accelerated,
		NSG: p.NSG.ID, VM: p.VM.ID, Tags: d.Tags}
	for _, text := range p.DNS.Servers {
		if addr, err := netip.ParseAddr(text); err == nil {
			n.DNS = append(n.DNS, addr)
		}
	}
	for _, c := range p.Configs {
		config := IPConfig{Name: c.Name, Primary: c.Properties.Primary, Static: strings.EqualFold(c.Properties.Method, "Static"), Subnet: c.Properties.Subnet.ID,
			ASGs: ids(c.Properties.ASGs), Pools: ids(c.Properties.Pools), NATRules: ids(c.Properties.NATRules)}
		config.Addr, _ = netip.ParseAddr(c.Properties.Address) // an IPv6 configuration may show none
		if id := c.Properties.Public.ID; id != "" {
			config.Public = &PublicIP{ID: id}
		}
		n.Configs = append(n.Configs, config)
	}
	return n, nil
}

type nicBody struct {
	ID, Name, ETag string
	Tags           map[string]string
	Properties     struct {
		State       string    `json:"provisioningState"`
		Forwarding  bool      `json:"enableIPForwarding"`
		Accelerated bool      `json:"enableAcceleratedNetworking"`
		NSG         reference `json:"networkSecurityGroup"`
		VM          reference `json:"virtualMachine"`
		DNS         struct {
			Servers []string `json:"dnsServers"`
		} `json:"dnsSettings"`
		Configs []struct {
			Name       string
			Properties struct {
				Primary  bool
				Address  string      `json:"privateIPAddress"`
				Method   string      `json:"privateIPAllocationMethod"`
				Subnet   reference   `json:"subnet"`
				Public   reference   `json:"publicIPAddress"`
				ASGs     []reference `json:"applicationSecurityGroups"`
				Pools    []reference `json:"loadBalancerBackendAddressPools"`
				NATRules []reference `json:"loadBalancerInboundNatRules"`
			}
		} `json:"ipConfigurations"`
	}
}

type reference struct{ ID string }

func ids(list []reference) []string {
	var all []string
	for _, r := range list {
		all = append(all, r.ID)
	}
	return all
}
