// Package premises reads what is there before a vSocket is deployed: what the
// questions' menus show, and what the plan is checked by. It changes nothing.
package premises

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
)

// ARM is what is asked of Azure; account.Client is it.
type ARM interface {
	Get(ctx context.Context, id string) (document.Document, string, error)
	List(ctx context.Context, path string) ([]document.Document, error)
	Permissions(ctx context.Context, scope string) (arm.Permissions, error)
	Blob(ctx context.Context, account document.Document, container, name string) (account.Blob, error)
}

var _ ARM = (*account.Client)(nil)

// Reader reads one subscription.
type Reader struct {
	ARM          ARM
	Subscription string // id
}

// Groups are the names of the resource groups.
func (r *Reader) Groups(ctx context.Context) ([]string, error) {
	return r.names(ctx, "/subscriptions/"+r.Subscription+"/resourceGroups")
}

// Networks are the names of a group's virtual networks.
func (r *Reader) Networks(ctx context.Context, group string) ([]string, error) {
	return r.names(ctx, document.Group(r.Subscription, group)+"/providers/Microsoft.Network/virtualNetworks")
}

// Images are the names of a group's images.
func (r *Reader) Images(ctx context.Context, group string) ([]string, error) {
	return r.names(ctx, document.Group(r.Subscription, group)+"/providers/Microsoft.Compute/images")
}

func (r *Reader) names(ctx context.Context, path string) ([]string, error) {
	list, err := r.ARM.List(ctx, path)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, d := range list {
		names = append(names, d.Text("name"))
	}
	slices.Sort(names)
	return names, nil
}

// Network reads a virtual network. One that isn't there has Found false.
func (r *Reader) Network(ctx context.Context, group, name string) (doctor.VNet, error) {
	id := document.Resource(r.Subscription, group, "Microsoft.Network/virtualNetworks", name)
	d, _, err := r.ARM.Get(ctx, id)
	if d == nil || err != nil {
		return doctor.VNet{ID: id, Name: name}, err
	}
	v := doctor.VNet{ID: d.Text("id"), Name: d.Text("name"), Location: d.Text("location"), Found: true}
	for _, s := range d.Objects("properties", "subnets") {
		v.Subnets = append(v.Subnets, doctor.Subnet{ID: s.Text("id"), Name: s.Text("name"), Prefix: prefix(s),
			NSG: s.Text("properties", "networkSecurityGroup", "id"), Users: len(s.Objects("properties", "ipConfigurations"))})
	}
	return v, nil
}

// prefix is a subnet's; newer ones have a list.
func prefix(subnet document.Document) netip.Prefix {
	text := subnet.Text("properties", "addressPrefix")
	if list := subnet.Texts("properties", "addressPrefixes"); text == "" && len(list) > 0 {
		text = list[0]
	}
	p, _ := netip.ParsePrefix(text) // what isn't one fits no address
	return p
}

// Sizes are the VM sizes of a location that this subscription can have, and
// whether the location has zones. Who has a role on groups alone may not ask; then
// there is no list, and Azure tells when the VM is made.
func (r *Reader) Sizes(ctx context.Context, location string) ([]plan.Size, bool, error) {
	list, err := r.ARM.List(ctx, "/subscriptions/"+r.Subscription+"/providers/Microsoft.Compute/skus?$filter=location eq '"+document.Location(location)+"'")
	if errors.Is(err, account.Code("AuthorizationFailed")) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	sizes, zoned := []plan.Size{}, false
	for _, d := range list {
		if !strings.EqualFold(d.Text("resourceType"), "virtualMachines") {
			continue
		}
		size := plan.Size{Name: d.Text("name")}
		for _, info := range d.Objects("locationInfo") {
			size.Zones = info.Texts("zones")
		}
		zoned = zoned || len(size.Zones) > 0
		for _, c := range d.Objects("capabilities") {
			switch c.Text("name") {
			case "MaxNetworkInterfaces":
				size.NICs, _ = strconv.Atoi(c.Text("value"))
			case "vCPUs":
				size.Cores = c.Text("value")
			}
		}
		if restrict(&size, d) {
			sizes = append(sizes, size)
		}
	}
	return sizes, zoned, nil
}

// restrict takes the zones away in which a size can't be had, and reports whether
// it can be had at all.
func restrict(size *plan.Size, d document.Document) bool {
	for _, restriction := range d.Objects("restrictions") {
		if restriction.Text("type") == "Location" {
			return false
		}
		none := restriction.Texts("restrictionInfo", "zones")
		size.Zones = slices.DeleteFunc(slices.Clone(size.Zones), func(zone string) bool { return slices.Contains(none, zone) })
	}
	return true
}

// Free is an address of a subnet that nobody has.
func (r *Reader) Free(ctx context.Context, network doctor.VNet, subnet doctor.Subnet) (netip.Addr, error) {
	first := plan.FirstHost(subnet.Prefix)
	taken, free, err := r.taken(ctx, network.ID, first)
	if err != nil || !taken {
		return first, err
	}
	for _, text := range free {
		if addr, err := netip.ParseAddr(text); err == nil {
			return addr, nil
		}
	}
	return netip.Addr{}, nil
}

// taken asks Azure whether somebody has an address, whoever may see whom.
func (r *Reader) taken(ctx context.Context, network string, addr netip.Addr) (bool, []string, error) {
	d, _, err := r.ARM.Get(ctx, network+"/CheckIPAddressAvailability?ipAddress="+addr.String())
	if err == nil && d == nil {
		err = fmt.Errorf("%s isn't there", network)
	}
	if err != nil {
		return false, nil, err
	}
	return d.Get("available") == false, d.Texts("availableIPAddresses"), nil
}
