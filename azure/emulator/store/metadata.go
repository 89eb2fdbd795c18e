package store

import (
	"encoding/json"
	"strconv"
	"strings"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/tree"
)

// Instance is what the metadata service of a VM shows: compute from ARM,
// network from the data plane, so that an address which has moved is gone here
// as soon as it is gone from the NIC.
func (s *Store) Instance(vmID string) (tree.Object, bool) {
	r := s.byKey[strings.ToLower(vmID)]
	if r == nil || r.kind != vmKind {
		return nil, false
	}
	return tree.Object{"compute": s.instanceCompute(r), "network": s.instanceNetwork(r)}, true
}

func (s *Store) instanceCompute(r *resource) tree.Object {
	group := ""
	if parts := strings.Split(r.id, "/"); len(parts) > 4 {
		group = parts[4]
	}
	zone := ""
	if zones := tree.Texts(r.doc, "zones"); len(zones) > 0 {
		zone = zones[0]
	}
	tags, tagList := instanceTags(tree.Sub(r.doc, "tags"))
	image := tree.Sub(r.doc, "properties", "storageProfile", "imageReference")
	return tree.Object{
		"azEnvironment": "AzurePublicCloud", "location": normalLocation(tree.Text(r.doc, "location")),
		"name": r.name, "osType": "Linux", "provider": "Microsoft.Compute", "resourceGroupName": group,
		"resourceId": r.id, "subscriptionId": s.opt.Subscription, "vmId": r.extra["vmId"],
		"vmSize": tree.Text(r.doc, "properties", "hardwareProfile", "vmSize"), "zone": zone,
		"tags": tags, "tagsList": tagList, "userData": r.extra["userData"],
		"version": tree.Text(image, "exactVersion"), "offer": tree.Text(image, "offer"), "publisher": tree.Text(image, "publisher"), "sku": tree.Text(image, "sku"),
		"osProfile": tree.Object{"adminUsername": tree.Text(r.doc, "properties", "osProfile", "adminUsername"),
			"computerName":                  tree.Text(r.doc, "properties", "osProfile", "computerName"),
			"disablePasswordAuthentication": tree.Text(r.doc, "properties", "osProfile", "linuxConfiguration", "disablePasswordAuthentication")},
		"storageProfile": tree.Object{"imageReference": tree.Object{"id": tree.Text(image, "id"), "offer": tree.Text(image, "offer"),
			"publisher": tree.Text(image, "publisher"), "sku": tree.Text(image, "sku"), "version": tree.Text(image, "version")}},
	}
}

func instanceTags(tags tree.Object) (string, []any) {
	names := sortedNames(tags)
	var text []string
	pairs := []any{}
	for _, name := range names {
		value := tree.Text(tags, name)
		text = append(text, name+":"+value)
		pairs = append(pairs, tree.Object{"name": name, "value": value})
	}
	return strings.Join(text, ";"), pairs
}

func (s *Store) instanceNetwork(r *resource) tree.Object {
	interfaces := []any{}
	p := s.Plane()
	for _, key := range r.form.(*vmForm).nics {
		for i := range p.NICs {
			if p.NICs[i].ID == key {
				interfaces = append(interfaces, instanceInterface(&p.NICs[i]))
			}
		}
	}
	return tree.Object{"interface": interfaces}
}

func instanceInterface(n *plane.NIC) tree.Object {
	addresses := []any{}
	for _, addr := range n.Addrs {
		public := ""
		if p, ok := n.Public[addr]; ok {
			public = p.String()
		}
		addresses = append(addresses, tree.Object{"privateIpAddress": addr.String(), "publicIpAddress": public})
	}
	subnet := []any{}
	if n.Subnet.IsValid() {
		subnet = append(subnet, tree.Object{"address": n.Subnet.Addr().String(), "prefix": strconv.Itoa(n.Subnet.Bits())})
	}
	return tree.Object{
		"macAddress": strings.ToUpper(strings.ReplaceAll(n.MAC.String(), ":", "")),
		"ipv4":       tree.Object{"ipAddress": addresses, "subnet": subnet},
		"ipv6":       tree.Object{"ipAddress": []any{}},
	}
}

// ScheduledEvents is what the metadata service says of planned maintenance.
// The emulator plans none.
func (s *Store) ScheduledEvents() tree.Object {
	return tree.Object{"DocumentIncarnation": json.Number("1"), "Events": []any{}}
}
