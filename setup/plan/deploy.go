package plan

import (
	"encoding/base64"
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/guest"
	"releve.dev/releve/site"
)

// NICs are a vSocket's, in the order in which its VM has them: the primary one,
// by which the metadata service answers, first.
var NICs = [...]string{MGMT, WAN, LAN}

// What a NIC is for, which is also the end of its name.
const (
	MGMT = "mgmt"
	WAN  = "wan"
	LAN  = "lan"
)

// Tags of a VM that deploy made: which of the two it is, and its serial number.
const (
	TagDeployed = "releve-deployed"
	TagSerial   = "releve-serial"
)

// VSocket is a VM that `releve azure deploy` was asked for.
type VSocket struct {
	Side                site.Side
	Name                string // the VM's
	Group, NetworkGroup string
	VNet                string
	Subnets             map[string]string // a subnet's name by NIC
	Addrs               map[string]netip.Addr
	Size                string
	Zone, Set           string // at most one of them (A5)
	Image               Image
	User, SSHKey        string
	Serial              string     // "": it isn't managed
	ManagerPort         string     // besides 443
	NoNSG               bool       // the subnets stay without network security groups
	FloatingIP          netip.Addr // if it is known already, for the check
	UserData            []byte     // of cloud-init; nil: known when it is carried out
}

// Guest is what the VM's user data says of addresses.
func (w *VSocket) Guest(p *Premises, v guest.VM) guest.VM {
	at := func(nic string) netip.Prefix {
		subnet := p.Subnet(w, nic)
		if subnet == nil {
			return netip.Prefix{}
		}
		return netip.PrefixFrom(w.Addrs[nic], subnet.Prefix.Bits())
	}
	v.Side, v.WAN, v.LAN, v.MGMT = w.Side, at(WAN), at(LAN), at(MGMT)
	return v
}

// Premises are what is there before a vSocket is deployed.
type Premises struct {
	Subscription string
	Location     string // of the VNet, where all goes
	Groups       map[string]*Place
	Network      doctor.VNet
	VM           *Machine                // has the name already
	Pair         *Machine                // the primary, where the secondary is deployed
	NICs         map[string]*doctor.NIC  // those with the names that deploy gives, by NIC
	Sizes        []Size                  // of the location; nil: couldn't be listed
	Zones        bool                    // the location has them
	InSet        *Set                    // that was named, if it is there
	ImageFound   bool                    // the image that was named, or the VHD's account and container
	ImagePlace   string                  // location of that
	NoBlob       bool                    // the VHD isn't in the container
	NotPage      bool                    // it is, but as another kind of blob
	Taken        map[netip.Addr][]string // of the addresses asked for those that others have: what is free in place of it
	Rights       map[string]doctor.Rights
	Unseen       []doctor.Unseen // what couldn't be read
	Untold       []doctor.Unseen // what couldn't be asked, and that Azure tells when it is made
}

// Place is a resource group.
type Place struct{ ID, Name string }

// Machine is a VM as deploy sees it.
type Machine struct {
	ID, Name, Size, Set string
	Zones               []string
	Subnets             map[string]string // a subnet's id by NIC, where the NIC's name tells
	LAN                 netip.Addr
	Deployed            string // TagDeployed
}

// Size is a VM size.
type Size struct {
	Name  string
	NICs  int
	Cores string
	Zones []string // in which it can be had
}

// Set is an availability set.
type Set struct {
	ID, Name, Location string
	Faults, Updates    int
	Managed            bool // for VMs with managed disks
}

// Subnet is that of a NIC, nil if there is none of the name.
func (p *Premises) Subnet(w *VSocket, nic string) *doctor.Subnet {
	for i := range p.Network.Subnets {
		if strings.EqualFold(p.Network.Subnets[i].Name, w.Subnets[nic]) {
			return &p.Network.Subnets[i]
		}
	}
	return nil
}

// deployment is what the steps of one vSocket share.
type deployment struct {
	*VSocket
	*Premises
}

// Deploy is what makes a vSocket's VM, with its three NICs. What it needs is
// there already (CheckDeploy): the groups, the VNet and its subnets, and of a
// secondary the primary.
func Deploy(w *VSocket, p *Premises) []Step {
	d := deployment{w, p}
	steps := d.guards()
	if w.Set != "" {
		steps = append(steps, d.set())
	}
	if w.Image.VHD != nil {
		steps = append(steps, d.image())
	}
	for _, nic := range NICs {
		if nic != LAN {
			steps = append(steps, d.publicIP(nic))
		}
	}
	for _, nic := range NICs {
		steps = append(steps, d.nic(nic))
	}
	return append(steps, d.vm())
}

// resource is the id of one in the VMs' group.
func (d *deployment) resource(kind, name string) string {
	return document.Resource(d.Subscription, d.Group, kind, name)
}

// VMID, NICID and SetID are what deploy calls them.
func (w *VSocket) VMID(subscription string) string {
	return document.Resource(subscription, w.Group, "Microsoft.Compute/virtualMachines", w.Name)
}

// NICID is a NIC's resource id.
func (w *VSocket) NICID(subscription, nic string) string {
	return document.Resource(subscription, w.Group, "Microsoft.Network/networkInterfaces", w.Name+"-"+nic)
}

// SetID is the availability set's.
func (w *VSocket) SetID(subscription string) string {
	return document.Resource(subscription, w.Group, "Microsoft.Compute/availabilitySets", w.Set)
}

func (d *deployment) publicID(nic string) string {
	return d.resource("Microsoft.Network/publicIPAddresses", d.Name+"-"+nic+"-ip")
}

// keep makes what isn't there, and leaves what is.
func keep(body func() document.Document) func(document.Document, *Known) (document.Document, error) {
	return func(is document.Document, _ *Known) (document.Document, error) {
		if is != nil {
			return is, nil
		}
		return body(), nil
	}
}

func ref(id string) map[string]any { return map[string]any{"id": id} }

// set is the availability set. It is there before the VM, which can't be put into
// one later (D2).
func (d *deployment) set() Step {
	return Step{Name: "availability-set", ID: d.SetID(d.Subscription), Why: "keeps the two vSockets in different racks, and updates them one after the other (A5)",
		Change: keep(func() document.Document {
			body := document.Document{}
			body.Set(d.Location, "location")
			body.Set("Aligned", "sku", "name")
			body.Set(2, "properties", "platformFaultDomainCount")
			body.Set(2, "properties", "platformUpdateDomainCount")
			return body
		})}
}

// image makes an image of a VHD: a VM with a managed disk can't be made of a
// blob itself.
func (d *deployment) image() Step {
	return Step{Name: "image", ID: d.ImageID(d.Subscription), Why: "VMs are made of an image, and the image of " + d.Image.VHD.Blob,
		Learn: func(is document.Document, k *Known) { k.Image = is.Text("id") },
		Change: keep(func() document.Document {
			body := document.Document{}
			body.Set(d.Location, "location")
			body.Set("V2", "properties", "hyperVGeneration")
			body.Set(map[string]any{"osType": "Linux", "osState": "Generalized", "blobUri": d.Image.VHD.URL, "storageAccountType": "Standard_LRS"},
				"properties", "storageProfile", "osDisk")
			if d.Zones {
				body.Set(true, "properties", "storageProfile", "zoneResilient")
				body.Set("Standard_ZRS", "properties", "storageProfile", "osDisk", "storageAccountType")
			}
			return body
		})}
}

// publicIP is of the Standard SKU, as zones and other zone-redundant set-ups want
// (D3), and lies in the VM's zone.
func (d *deployment) publicIP(nic string) Step {
	return Step{Name: "public-ip-" + nic, ID: d.publicID(nic), Why: "the vSocket's way out by " + strings.ToUpper(nic),
		Change: keep(func() document.Document {
			body := document.Document{}
			body.Set(d.Location, "location")
			body.Set("Standard", "sku", "name")
			body.Set("Static", "properties", "publicIPAllocationMethod")
			body.Set("IPv4", "properties", "publicIPAddressVersion")
			if d.Zone != "" {
				body.Set([]string{d.Zone}, "zones")
			}
			return body
		})}
}

// nic has a static address, as the vSocket's settings name it, and forwards on
// WAN and LAN: Azure drops what a NIC without it would pass on. One that is there
// keeps all else.
func (d *deployment) nic(nic string) Step {
	return Step{Name: "nic-" + nic, ID: d.NICID(d.Subscription, nic), Why: "the vSocket's " + strings.ToUpper(nic) + " interface, " + d.Addrs[nic].String(),
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			shall := is.Clone()
			if shall == nil {
				shall = document.Document{}
				shall.Set(d.Location, "location")
				own := document.Document{"name": "ipconfig1", "properties": map[string]any{"primary": true, "subnet": ref(d.Subnet(d.VSocket, nic).ID)}}
				shall.Set([]document.Document{own}, "properties", "ipConfigurations")
			}
			if nic != MGMT {
				shall.Set(true, "properties", "enableIPForwarding")
			}
			for _, config := range shall.Objects("properties", "ipConfigurations") {
				if !config.Bool("properties", "primary") {
					continue
				}
				config.Set(d.Addrs[nic].String(), "properties", "privateIPAddress")
				config.Set("Static", "properties", "privateIPAllocationMethod")
				if nic != LAN && config.Text("properties", "publicIPAddress", "id") == "" {
					config.Set(ref(d.publicID(nic)), "properties", "publicIPAddress")
				}
			}
			return shall, nil
		}}
}

// vm is the last: all that it is made of can't be changed later.
func (d *deployment) vm() Step {
	return Step{Name: "vm", ID: d.VMID(d.Subscription), Why: "the vSocket itself, " + d.Size + where(d.VSocket),
		Change: func(is document.Document, k *Known) (document.Document, error) {
			if is != nil {
				return is, nil
			}
			if d.Image.VHD != nil && k.Image == "" {
				return nil, ErrUnknown
			}
			return d.machine(k), nil
		}}
}

func where(w *VSocket) string {
	switch {
	case w.Zone != "":
		return " in zone " + w.Zone
	case w.Set != "":
		return " in the availability set " + w.Set
	}
	return ""
}

func (d *deployment) machine(k *Known) document.Document {
	var nics []any
	for _, nic := range NICs {
		nics = append(nics, map[string]any{"id": d.NICID(d.Subscription, nic), "properties": map[string]any{"primary": nic == MGMT}})
	}
	body := document.Document{}
	body.Set(d.Location, "location")
	body.Set(d.Side.String(), "tags", TagDeployed)
	if d.Serial != "" {
		body.Set(d.Serial, "tags", TagSerial)
	}
	if d.Zone != "" {
		body.Set([]string{d.Zone}, "zones")
	}
	if d.Set != "" {
		body.Set(ref(d.SetID(d.Subscription)), "properties", "availabilitySet")
	}
	body.Set(d.Size, "properties", "hardwareProfile", "vmSize")
	body.Set(nics, "properties", "networkProfile", "networkInterfaces")
	body.Set(d.Image.reference(k), "properties", "storageProfile", "imageReference")
	body.Set(map[string]any{"name": d.Name + "-os", "createOption": "FromImage", "deleteOption": "Delete",
		"managedDisk": map[string]any{"storageAccountType": "StandardSSD_LRS"}}, "properties", "storageProfile", "osDisk")
	body.Set(map[string]any{"computerName": d.Name, "adminUsername": d.User, "customData": base64.StdEncoding.EncodeToString(d.UserData),
		"linuxConfiguration": map[string]any{"disablePasswordAuthentication": true, "ssh": map[string]any{"publicKeys": []any{
			map[string]any{"path": "/home/" + d.User + "/.ssh/authorized_keys", "keyData": d.SSHKey}}}}}, "properties", "osProfile")
	body.Set(true, "properties", "diagnosticsProfile", "bootDiagnostics", "enabled")
	return body
}
