package arm

import (
	"net/url"

	"releve.dev/releve/core/steer"
)

// The api-versions are pinned: a newer one may change what a NIC's body means,
// and properties that this one doesn't know are kept by raw JSON.
const (
	nicVersion        = "2024-05-01"
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
