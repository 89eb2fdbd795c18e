package arm

import (
	"fmt"
	"net/url"
	"strings"

	"releve.dev/releve/core/steer"
)

// The api-versions are pinned: a newer one may change what a NIC's body means,
// and properties that this one doesn't know are kept by raw JSON.
const (
	nicVersion        = "2024-05-01" // of all that Microsoft.Network has
	vmVersion         = "2024-07-01"
	permissionVersion = "2022-04-01"
)

// NICID is the resource id of a network interface.
func NICID(subscription, group, name string) string {
	return resourceID(subscription, group, "Microsoft.Network/networkInterfaces", name)
}

// VMID is the resource id of a virtual machine.
func VMID(subscription, group, name string) string {
	return resourceID(subscription, group, "Microsoft.Compute/virtualMachines", name)
}

// SubnetID is the resource id of a subnet.
func SubnetID(subscription, group, vnet, name string) string {
	return resourceID(subscription, group, "Microsoft.Network/virtualNetworks", vnet) + "/subnets/" + name
}

func resourceID(subscription, group, kind, name string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + group + "/providers/" + kind + "/" + name
}

// resource is where a target is read and written.
type resource struct {
	id      string // "" if the site's settings don't name it
	version string
	expand  string
}

func (r resource) url(endpoint *url.URL) string {
	query := url.Values{"api-version": {r.version}}
	if r.expand != "" {
		query.Set("$expand", r.expand)
	}
	// JoinPath would clean the id; it is checked by New and escaped here.
	address := *endpoint
	address.Path = r.id
	address.RawQuery = query.Encode()
	return address.String()
}

func (c *Config) resources() [steer.Targets]resource {
	return [steer.Targets]resource{
		steer.OwnNIC:  {id: c.NIC, version: nicVersion},
		steer.PeerNIC: {id: c.PeerNIC, version: nicVersion},
		steer.PeerVM:  {id: c.PeerVM, version: vmVersion, expand: "instanceView"},
	}
}

// resource is where a request goes: to one of the site's, or to the one that it
// names itself.
func (c *Client) resource(request *steer.Request) (resource, error) {
	switch target := request.Target; target {
	case steer.Network, steer.RouteTable, steer.Route:
		if err := checkName(request.Name); err != nil {
			return resource{}, err
		}
		return resource{id: request.Name, version: nicVersion}, nil
	default:
		if c.resources[target].id == "" {
			return resource{}, fmt.Errorf("the settings name no %s", target)
		}
		return c.resources[target], nil
	}
}

// checkName: an id that ARM gave, or that the settings list, leads to a network
// resource and to nothing else.
func checkName(id string) error {
	low := strings.ToLower(id)
	if !strings.HasPrefix(low, "/subscriptions/") || !strings.Contains(low, "/providers/microsoft.network/") || strings.Contains(id, "/../") ||
		strings.HasSuffix(id, "/..") {
		return fmt.Errorf("%q is no resource id of a virtual network's or a route table", id)
	}
	return nil
}
