package plan

import (
	"slices"
	"strings"

	"releve.dev/releve/setup/document"
)

// guards are network security groups on the subnets, as the source puts them:
// those of NICs would have to be carried along by each move of the floating IP.
// A subnet that has one keeps it, and so does one that the primary is in already.
func (d *deployment) guards() []Step {
	var steps []Step
	for _, nic := range NICs {
		subnet := d.Subnet(d.VSocket, nic)
		if d.NoNSG || d.Pair != nil || subnet.NSG != "" && !document.Same(subnet.NSG, d.guardID(nic)) {
			continue
		}
		id := d.guardID(nic)
		steps = append(steps, Step{Name: "nsg-" + nic, ID: id, Why: "lets through what a vSocket's " + strings.ToUpper(nic) + " needs",
			Change: keep(func() document.Document { return d.guard(nic) })},
			Step{Name: "subnet-" + nic, ID: subnet.ID, Why: "the subnet " + subnet.Name + " has no network security group",
				Change: func(is document.Document, _ *Known) (document.Document, error) {
					if is == nil {
						return nil, gone(subnet.ID)
					}
					shall := is.Clone()
					if shall.Text("properties", "networkSecurityGroup", "id") == "" {
						shall.Set(ref(id), "properties", "networkSecurityGroup")
					}
					return shall, nil
				}})
	}
	return steps
}

func (d *deployment) guardID(nic string) string {
	return document.Resource(d.Subscription, d.NetworkGroup, "Microsoft.Network/networkSecurityGroups", d.Network.Name+"-releve-"+nic)
}

// rule is one of a network security group.
type rule struct {
	name, direction, access, protocol string
	from, to, ports                   []string
	why                               string
}

var (
	anywhere = []string{"*"}
	internet = []string{"Internet"}
	private  = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}
)

// rules by NIC, first match first, after those that Azure has itself: within the
// VNet all may, so keepalives (docs/protocol.md) need no rule. The source's
// (vendor-system.md (d)), with our tunnels' and the manager's ports, and ICMP for
// the probes of the Internet.
var guardRules = map[string][]rule{
	MGMT: {
		{"dns", "Outbound", "Allow", "*", anywhere, internet, []string{"53"}, "names (C3)"},
		{"https", "Outbound", "Allow", "Tcp", anywhere, internet, []string{"443"}, "Azure Resource Manager and the manager (C3)"},
		{"nothing-else", "Outbound", "Deny", "*", anywhere, internet, anywhere, "MGMT needs no more"},
	},
	WAN: {
		{"dns", "Outbound", "Allow", "*", anywhere, internet, []string{"53"}, "names"},
		{"https", "Outbound", "Allow", "*", anywhere, internet, []string{"443"}, "as the source's"},
		{"tunnels", "Outbound", "Allow", "Udp", anywhere, internet, []string{"51820-51821"}, "to the PoPs"},
		{"probes", "Outbound", "Allow", "Icmp", anywhere, internet, anywhere, "is the Internet there?"},
		{"nothing-else", "Outbound", "Deny", "*", anywhere, internet, anywhere, "traffic leaves by the tunnels"},
	},
	LAN: {
		{"from-private", "Inbound", "Allow", "*", private, anywhere, anywhere, "the site's traffic to anywhere"},
		{"to-anywhere", "Outbound", "Allow", "*", anywhere, anywhere, anywhere, "from other sites, whose addresses the VNet doesn't know"},
	},
}

func (d *deployment) guard(nic string) document.Document {
	body := document.Document{}
	body.Set(d.Location, "location")
	var list []document.Document
	for i, r := range guardRules[nic] {
		priority := 100 + 10*i
		if r.access == "Deny" {
			priority = 4096
		}
		one := document.Document{"name": r.name}
		one.Set(map[string]any{"priority": priority, "direction": r.direction, "access": r.access, "protocol": r.protocol, "description": r.why,
			"sourcePortRange": "*"}, "properties")
		ends(one, "sourceAddressPrefix", r.from)
		ends(one, "destinationAddressPrefix", r.to)
		ports := r.ports
		if nic == MGMT && r.name == "https" && d.ManagerPort != "" && d.ManagerPort != "443" {
			ports = append(slices.Clone(ports), d.ManagerPort)
		}
		ends(one, "destinationPortRange", ports)
		list = append(list, one)
	}
	body.Set(list, "properties", "securityRules")
	return body
}

// ends writes one value as Azure's singular and several as its plural, which may
// have no * and no tag.
func ends(rule document.Document, name string, values []string) {
	if len(values) == 1 {
		rule.Set(values[0], "properties", name)
		return
	}
	plural := name + "es"
	if strings.HasSuffix(name, "Range") {
		plural = name + "s"
	}
	rule.Set(slices.Clone(values), "properties", plural)
}
