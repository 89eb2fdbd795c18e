package premises

import (
	"context"
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
)

// Machines are a group's VMs, without their subnets.
func (r *Reader) Machines(ctx context.Context, group string) ([]plan.Machine, error) {
	list, err := r.ARM.List(ctx, document.Group(r.Subscription, group)+"/providers/Microsoft.Compute/virtualMachines")
	if err != nil {
		return nil, err
	}
	machines := []plan.Machine{}
	for _, d := range list {
		machines = append(machines, *machine(d))
	}
	return machines, nil
}

func machine(d document.Document) *plan.Machine {
	return &plan.Machine{ID: d.Text("id"), Name: d.Text("name"), Size: d.Text("properties", "hardwareProfile", "vmSize"),
		Set: d.Text("properties", "availabilitySet", "id"), Zones: d.Texts("zones"), Deployed: d.Text("tags", plan.TagDeployed),
		Subnets: map[string]string{}}
}

// Machine reads a VM with its NICs' subnets, nil if it isn't there. Which NIC is
// for what, their names tell, or those of their subnets; MGMT is the primary one.
func (r *Reader) Machine(ctx context.Context, group, name string) (*plan.Machine, error) {
	d, _, err := r.ARM.Get(ctx, document.Resource(r.Subscription, group, "Microsoft.Compute/virtualMachines", name))
	if d == nil || err != nil {
		return nil, err
	}
	m := machine(d)
	for _, ref := range d.Objects("properties", "networkProfile", "networkInterfaces") {
		nic, err := r.nic(ctx, ref.Text("id"))
		if err != nil {
			return nil, err
		}
		if nic == nil {
			continue
		}
		own := nic.Primary()
		purpose := purposeOf(nic.Name, own.Subnet, ref.Bool("properties", "primary"))
		if purpose == plan.LAN {
			m.LAN = own.Addr
		}
		if purpose != "" {
			m.Subnets[purpose] = own.Subnet
		}
	}
	return m, nil
}

func purposeOf(name, subnet string, primary bool) string {
	for _, text := range []string{name, document.Short(subnet)} {
		for _, nic := range plan.NICs {
			if low := strings.ToLower(text); strings.HasSuffix(low, nic) {
				return nic
			}
		}
	}
	if primary {
		return plan.MGMT
	}
	return ""
}

func (r *Reader) nic(ctx context.Context, id string) (*doctor.NIC, error) {
	d, _, err := r.ARM.Get(ctx, id)
	if d == nil || err != nil {
		return nil, err
	}
	return doctor.ParseNIC(d.JSON())
}

// Address is a NIC's own address, the zero one if there is no such NIC.
func (r *Reader) Address(ctx context.Context, id string) (netip.Addr, error) {
	nic, err := r.nic(ctx, id)
	if nic == nil || err != nil {
		return netip.Addr{}, err
	}
	return nic.Primary().Addr, nil
}
