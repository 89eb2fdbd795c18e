package plan

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/site"
)

// check collects what is wrong with a deployment, each once.
type check struct {
	deployment
	found []error
}

func (c *check) add(hint, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if hint != "" {
		text += "\nhint: " + hint
	}
	c.found = append(c.found, fmt.Errorf("%s", text))
}

// CheckDeploy lists all that would keep Deploy's steps from being carried out, or
// the two vSockets from being a pair afterwards. Nothing wrong: nil.
func CheckDeploy(w *VSocket, p *Premises) []error {
	c := check{deployment: deployment{w, p}}
	c.name()
	for _, u := range p.Unseen {
		c.add("", "%s couldn't be read: %s (%s)", u.What, u.Why, u.Where)
	}
	c.rights()
	if !c.places() {
		return c.found // the rest is judged by them
	}
	c.subnets()
	c.addresses()
	c.redundancy()
	c.size()
	c.alike()
	c.source()
	c.existing()
	return c.found
}

// vmName is what Azure takes for a Linux VM's name ("Naming rules and
// restrictions for Azure resources"). The source warns of spaces.
var vmName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?$`)

func (c *check) name() {
	if !vmName.MatchString(c.Name) {
		c.add("1 to 64 letters, digits, hyphens, dots and underscores, without spaces", "%q can't be a VM's name", c.Name)
	}
}

// places reports whether the groups and the VNet are there. Of what couldn't be
// read nobody knows.
func (c *check) places() bool {
	names := []string{c.Group, c.NetworkGroup}
	if strings.EqualFold(c.Group, c.NetworkGroup) {
		names = names[:1]
	}
	there := true
	for _, name := range names {
		if c.Groups[strings.ToLower(name)] != nil {
			continue
		}
		if there = false; !c.hidden(document.Group(c.Subscription, name)) {
			c.add("az group list --output table shows those that you see; deploy makes none", "there is no resource group %s", name)
		}
	}
	if there && !c.Network.Found && !c.hidden(c.Network.ID) {
		c.add("--network-group names the VNet's resource group, where it is another than the VMs' (A7)", "there is no virtual network %s in %s", c.VSocket.VNet, c.NetworkGroup)
	}
	return there && c.Network.Found
}

// hidden reports whether a resource couldn't be read.
func (c *check) hidden(id string) bool {
	return slices.ContainsFunc(c.Unseen, func(u doctor.Unseen) bool { return document.Same(u.Where, id) })
}

// smallest subnets, as the source has them: MGMT and WAN /28, LAN /29.
var smallest = map[string]int{MGMT: 28, WAN: 28, LAN: 29}

func (c *check) subnets() {
	used := map[string]string{}
	for _, nic := range NICs {
		subnet := c.Subnet(c.VSocket, nic)
		if subnet == nil {
			c.add("", "the virtual network %s has no subnet %s for %s", c.Network.Name, c.Subnets[nic], strings.ToUpper(nic))
			continue
		}
		if subnet.Prefix.Bits() > smallest[nic] {
			c.add("", "the subnet %s is a /%d; %s needs a /%d", subnet.Name, subnet.Prefix.Bits(), strings.ToUpper(nic), smallest[nic])
		}
		if other := used[strings.ToLower(subnet.Name)]; other != "" {
			c.add("a vSocket needs a subnet for each", "%s and %s are to be in one subnet, %s", strings.ToUpper(other), strings.ToUpper(nic), subnet.Name)
		}
		used[strings.ToLower(subnet.Name)] = nic
		if subnet.NSG == "" && subnet.Users > 0 && c.Pair == nil && c.VM == nil && len(c.NICs) == 0 && !c.NoNSG {
			c.add("--no-nsg leaves the subnets as they are", "the subnet %s has others in it and no network security group; one for the vSocket would bind them, too", subnet.Name)
		}
	}
}

// addresses are judged by the rules of E6, and by Azure's word for those that
// somebody has.
func (c *check) addresses() {
	for _, nic := range NICs {
		subnet, addr := c.Subnet(c.VSocket, nic), c.Addrs[nic]
		if subnet == nil {
			continue
		}
		if err := site.CheckHostAddress(subnet.Prefix, addr); err != nil {
			if nic != LAN { // of the LAN's the whole site's check tells
				c.add("", "%s: %v", strings.ToUpper(nic), err)
			}
			continue
		}
		if free, taken := c.Taken[addr]; taken {
			c.add(orFree(free), "the %s address %s is somebody else's", strings.ToUpper(nic), addr)
		}
	}
	lan := c.Subnet(c.VSocket, LAN)
	if lan == nil {
		return
	}
	all := site.Addressing{Native: lan.Prefix, Primary: c.Addrs[LAN], FloatingIP: c.FloatingIP}
	if c.Pair != nil && c.FloatingIP.IsValid() { // else it can't be judged as a pair
		all.Primary, all.Secondary = c.Pair.LAN, c.Addrs[LAN]
	}
	for _, fault := range all.Check() {
		c.add("", "LAN: %s", fault.Error())
	}
}

func orFree(free []string) string {
	if len(free) == 0 {
		return ""
	}
	return "free are " + strings.Join(free, ", ")
}

// redundancy is A5, D2 and D3.
func (c *check) redundancy() {
	zone, set := c.Zone != "", c.VSocket.Set != ""
	switch {
	case zone && set:
		c.add("choose one: zones outlive more", "a VM can't be in a zone and in an availability set (A5)")
	case zone && !c.Zones:
		c.add("use --availability-set instead", "the region %s has no zones", c.Location)
	}
	if is := c.InSet; set && is != nil {
		switch {
		case document.Location(is.Location) != document.Location(c.Location):
			c.add("name one that isn't there: it is made", "the availability set %s is in %s, the virtual network in %s", is.Name, is.Location, c.Location)
		case is.Faults < 2 || is.Updates < 2:
			c.add("name one that isn't there: it is made with 2 and 2; a set's domains can't be changed", "the availability set %s has %d fault and %d update domains (A5)", is.Name, is.Faults, is.Updates)
		case !is.Managed:
			c.add("name one that isn't there: it is made", "the availability set %s is for unmanaged disks", is.Name)
		}
	}
}

func (c *check) size() {
	if c.Sizes == nil {
		return
	}
	i := slices.IndexFunc(c.Sizes, func(s Size) bool { return strings.EqualFold(s.Name, c.Size) })
	if i < 0 {
		c.add("az vm list-skus --resource-type virtualMachines --location "+c.Location+" --output table", "there is no VM size %s in %s for this subscription", c.Size, c.Location)
		return
	}
	size := c.Sizes[i]
	if size.NICs < len(NICs) {
		c.add("Standard_D8ls_v5 is what most take", "the size %s takes %d NICs; a vSocket has %d", size.Name, size.NICs, len(NICs))
	}
	if c.Zone != "" && c.Zones && !slices.Contains(size.Zones, c.Zone) {
		c.add("", "the size %s can't be had in zone %s, only in %s", size.Name, c.Zone, orNone(size.Zones))
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// alike is A6: the secondary has the primary's size, subnets and kind of
// redundancy.
func (c *check) alike() {
	p := c.Pair
	if p == nil {
		if c.Side == site.Secondary {
			c.add("deploy the primary first, or name it with --primary", "the primary isn't there")
		}
		return
	}
	if strings.EqualFold(p.Name, c.Name) {
		c.add("", "the secondary can't have the primary's name, %s", c.Name)
	}
	if !strings.EqualFold(p.Size, c.Size) {
		c.add("leave --size out: the primary's is taken", "the primary %s is of size %s; %s would differ (A6)", p.Name, p.Size, c.Size)
	}
	for _, nic := range NICs {
		subnet := c.Subnet(c.VSocket, nic)
		if subnet != nil && p.Subnets[nic] != "" && !document.Same(p.Subnets[nic], subnet.ID) {
			c.add("leave --"+nic+"-subnet out: the primary's is taken", "the primary's %s is in %s; %s would be another subnet (A6)",
				strings.ToUpper(nic), document.Short(p.Subnets[nic]), subnet.Name)
		}
	}
	switch {
	case p.Set != "" && !document.Same(p.Set, c.setOf()):
		c.add("--availability-set "+document.Short(p.Set)[len("availabilitySets "):], "the primary is in an availability set, and the secondary would not be in it (A5)")
	case p.Set == "" && c.VSocket.Set != "":
		c.add("the primary can't be put in a set later (D2): deploy it anew, or leave --availability-set out", "the primary is in no availability set")
	case len(p.Zones) > 0 && c.Zone == "" && c.VSocket.Set == "":
		c.add("give --zone, best another than the primary's "+p.Zones[0], "the primary is in a zone, and the secondary would be in none (A5)")
	}
}

func (c *check) setOf() string {
	if c.VSocket.Set == "" {
		return ""
	}
	return c.SetID(c.Subscription)
}

// source is the image, and D4 for a VHD.
func (c *check) source() {
	vhd := c.Image.VHD
	switch {
	case vhd != nil && !c.ImageFound:
		c.add("copy it there: an image can be made only of a blob that its group's owner may read (D4)",
			"%s is in no container %s of a storage account %s in the VMs' resource group %s", vhd.Blob, vhd.Container, vhd.Account, c.Group)
	case !c.ImageFound:
		c.add("az image list, or az vm image list --all --publisher …", "there is no image %s", c.imageName())
	case c.ImagePlace != "" && document.Location(c.ImagePlace) != document.Location(c.Location):
		c.add("an image, or a VHD's account, must be in the region of the VNet", "%s is in %s, the virtual network in %s", c.imageName(), c.ImagePlace, c.Location)
	}
	switch {
	case c.NoBlob:
		c.add("azcopy copy FILE.vhd "+vhd.URL+" --blob-type PageBlob puts it there", "there is no blob %s in the container %s of the storage account %s (D4)",
			vhd.Blob, vhd.Container, vhd.Account)
	case c.NotPage:
		c.add("azcopy copy FILE.vhd "+vhd.URL+" --blob-type PageBlob puts it there as one", "the blob %s is no page blob, and Azure makes images of those alone", vhd.Blob)
	}
}

func (c *check) imageName() string {
	switch i := c.Image; {
	case i.URN != nil:
		return strings.Join([]string{i.URN.Publisher, i.URN.Offer, i.URN.SKU, i.URN.Version}, ":")
	case i.VHD != nil:
		return i.VHD.Blob
	}
	return c.Image.ID
}

// existing: a VM that is there is left as it is, so it must be what was asked for.
func (c *check) existing() {
	vm := c.VM
	if vm == nil {
		return
	}
	var differ []string
	if !strings.EqualFold(vm.Size, c.Size) {
		differ = append(differ, "its size is "+vm.Size)
	}
	if zone := orNone(vm.Zones); c.Zone != "" && zone != c.Zone || c.Zone == "" && len(vm.Zones) > 0 {
		differ = append(differ, "its zone is "+zone)
	}
	if !document.Same(vm.Set, c.setOf()) {
		differ = append(differ, "its availability set is another")
	}
	if vm.Deployed != "" && vm.Deployed != c.Side.String() {
		differ = append(differ, "it is the "+vm.Deployed)
	}
	if len(differ) > 0 {
		c.add("a VM's zone and set can't be changed (D2): delete it, or give the new one another name", "there is a VM %s already, and %s", c.Name, strings.Join(differ, ", "))
	}
}

// DeployNeeds is what a person needs on the groups for a deployment.
func DeployNeeds(w *VSocket, subscription string) []doctor.Need {
	own := doctor.Need{Scope: document.Group(subscription, w.Group), Actions: []string{
		"Microsoft.Compute/virtualMachines/write", "Microsoft.Network/networkInterfaces/write", "Microsoft.Network/networkInterfaces/join/action",
		"Microsoft.Network/publicIPAddresses/write", "Microsoft.Network/publicIPAddresses/join/action"}}
	if w.Set != "" {
		own.Actions = append(own.Actions, "Microsoft.Compute/availabilitySets/write")
	}
	if w.Image.VHD != nil {
		own.Actions = append(own.Actions, "Microsoft.Compute/images/write", "Microsoft.Storage/storageAccounts/read")
	}
	network := []string{"Microsoft.Network/virtualNetworks/read", "Microsoft.Network/virtualNetworks/subnets/join/action"}
	if !w.NoNSG && w.Side == site.Primary {
		network = append(network, "Microsoft.Network/virtualNetworks/subnets/write", "Microsoft.Network/networkSecurityGroups/write",
			"Microsoft.Network/networkSecurityGroups/join/action")
	}
	if strings.EqualFold(w.Group, w.NetworkGroup) {
		own.Actions = append(own.Actions, network...)
		return []doctor.Need{own}
	}
	return []doctor.Need{own, {Scope: document.Group(subscription, w.NetworkGroup), Actions: network}}
}

// rights are those on both groups (D10).
func (c *check) rights() {
	for _, need := range DeployNeeds(c.VSocket, c.Subscription) {
		rights := c.Rights[strings.ToLower(need.Scope)]
		if rights == nil {
			continue // unseen, which is told
		}
		lacking := slices.DeleteFunc(slices.Clone(need.Actions), rights.Allows)
		if len(lacking) > 0 {
			c.add("have an owner of the group make you Owner; where roles are activated (PIM), activate yours first", "you may not do %s on %s (D10)",
				strings.Join(lacking, ", "), need.Scope)
		}
	}
}

// FirstHost is the first address of a subnet that a NIC can have.
func FirstHost(subnet netip.Prefix) netip.Addr {
	addr := subnet.Masked().Addr()
	for range 4 { // Azure's own (E6)
		addr = addr.Next()
	}
	return addr
}
