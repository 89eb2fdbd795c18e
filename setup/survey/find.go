package survey

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/setup/document"
)

// ownerTag is what the set-up writes on a site's VMs: GROUP/PRIMARY-VM.
const ownerTag = "releve-site"

// Find names the VMs that weren't named: those of the set-up's tag, or else the
// only two of the group with three NICs, the first by name as the primary.
func Find(ctx context.Context, c Reader, names Names) (Names, error) {
	if names.Primary != "" {
		return names, nil
	}
	group := document.Group(names.Subscription, names.Group)
	vms, err := c.List(ctx, group+"/providers/Microsoft.Compute/virtualMachines")
	if err != nil {
		return names, err
	}
	var candidates []string
	for _, vm := range vms {
		_, primary, tagged := strings.Cut(tags(vm)[ownerTag], "/")
		switch {
		case tagged && strings.EqualFold(primary, vm.Text("name")):
			names.Primary = vm.Text("name")
		case tagged:
			names.Secondary = vm.Text("name")
		case len(vm.Objects("properties", "networkProfile", "networkInterfaces")) >= 3:
			candidates = append(candidates, vm.Text("name"))
		}
	}
	if names.Primary != "" {
		return names, nil
	}
	slices.Sort(candidates)
	switch len(candidates) {
	case 1:
		names.Primary = candidates[0]
	case 2:
		names.Primary, names.Secondary = candidates[0], candidates[1]
		if strings.Contains(strings.ToLower(candidates[1]), "primary") {
			names.Primary, names.Secondary = candidates[1], candidates[0]
		}
	default:
		return names, fmt.Errorf("%d VMs of %s could be the site's: %s\nhint: name them with --primary and --secondary", len(candidates), names.Group, strings.Join(candidates, ", "))
	}
	return names, nil
}
