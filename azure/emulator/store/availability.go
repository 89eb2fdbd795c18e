package store

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

// availabilitySetKind is Microsoft.Compute/availabilitySets.
var availabilitySetKind = new(kind)

func init() {
	register(availabilitySetKind, kind{
		name: "Microsoft.Compute/availabilitySets", tracked: true,
		readOnly: []string{"virtualMachines", "statuses"},
		accept:   acceptSet, derive: deriveSet, inUse: setInUse,
	})
}

// What a region offers.
const (
	maxFaultDomains  = 3
	maxUpdateDomains = 20
)

var zonesHere = []string{"1", "2", "3"}

func acceptSet(_ *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	for _, domain := range []struct {
		name, text string
		usual, max int
	}{{"platformFaultDomainCount", "fault domain count", 2, maxFaultDomains}, {"platformUpdateDomainCount", "update domain count", 5, maxUpdateDomains}} {
		setDefault(properties, domain.name, json.Number(strconv.Itoa(domain.usual)))
		n, err := strconv.Atoi(tree.Text(properties, domain.name))
		if err != nil || n < 1 || n > domain.max {
			return bad("InvalidParameter", "The specified %s %s must fall in the range 1 to %d.", domain.text, tree.Text(properties, domain.name), domain.max)
		}
		if w.old != nil && tree.Text(w.old.doc, "properties", domain.name) != tree.Text(properties, domain.name) {
			return notChangeable(domain.name)
		}
	}
	if w.doc["zones"] != nil {
		return bad("ResourceTypeNotSupportAvailabilityZones", "The resource type 'availabilitySets' does not support availability zones at location '%s' and api-version '%s'.",
			tree.Text(w.doc, "location"), w.target.apiVersion)
	}
	sku := tree.Sub(w.doc, "sku")
	if sku == nil {
		w.doc["sku"] = tree.Object{"name": "Classic"}
	}
	if name := tree.Text(w.doc, "sku", "name"); !strings.EqualFold(name, "Classic") && !strings.EqualFold(name, "Aligned") {
		return bad("InvalidParameter", "The value '%s' of parameter 'sku.name' is invalid.", name)
	}
	return nil
}

func deriveSet(s *Store, r *resource, properties tree.Object) {
	delete(properties, "provisioningState")
	members := []any{}
	for _, vm := range s.membersOf(r.key) {
		members = append(members, tree.Object{"id": vm.id})
	}
	properties["virtualMachines"] = members
}

func (s *Store) membersOf(set string) []*resource {
	var out []*resource
	for _, r := range s.sorted {
		if r.kind == vmKind && strings.EqualFold(tree.Text(r.doc, "properties", "availabilitySet", "id"), set) {
			out = append(out, r)
		}
	}
	return out
}

func setInUse(s *Store, r *resource) *Error {
	if len(s.membersOf(r.key)) == 0 {
		return nil
	}
	return conflict("OperationNotAllowed", "Availability Set '%s' cannot be deleted. Before deleting an Availability Set please ensure that it does not contain any VM.", r.name)
}

// checkAvailability keeps the rules of zones and availability sets: one or the
// other, and for good (D2).
func (s *Store) checkAvailability(w *write, properties tree.Object) *Error {
	zones, set := tree.Texts(w.doc, "zones"), tree.Text(properties, "availabilitySet", "id")
	if len(zones) > 0 && set != "" {
		return bad("BadRequest", "Virtual Machine cannot be created because both Availability Zone and Availability Set were specified. Deploying an Availability Set to an Availability Zone isn’t supported.")
	}
	if w.old != nil {
		if !strings.EqualFold(set, tree.Text(w.old.doc, "properties", "availabilitySet", "id")) {
			return notChangeable("availabilitySet.id")
		}
		if !slices.Equal(zones, tree.Texts(w.old.doc, "zones")) {
			return conflict("ResourceAvailabilityZonesCannotBeModified", "The zone(s) '%s' of the resource '%s' cannot be modified to '%s'.",
				strings.Join(tree.Texts(w.old.doc, "zones"), ","), w.id, strings.Join(zones, ","))
		}
		return nil
	}
	if len(zones) > 1 {
		return bad("InvalidParameter", "Only one zone can be specified for virtual machine '%s'.", w.target.name)
	}
	if len(zones) == 1 && !slices.Contains(zonesHere, zones[0]) {
		return bad("AvailabilityZoneNotSupported", "The zone(s) '%s' for resource 'Microsoft.Compute/virtualMachines/%s' is not supported. The supported zones for location '%s' are '%s'",
			zones[0], w.target.name, normalLocation(tree.Text(w.doc, "location")), strings.Join(zonesHere, ","))
	}
	if set == "" {
		return nil
	}
	r := s.byKey[strings.ToLower(set)]
	if r == nil || r.kind != availabilitySetKind {
		return notFound("ResourceNotFound", "The Resource 'Microsoft.Compute/availabilitySets/%s' was not found.", set[strings.LastIndexByte(set, '/')+1:])
	}
	if normalLocation(tree.Text(r.doc, "location")) != normalLocation(tree.Text(w.doc, "location")) {
		return bad("InvalidParameter", "Availability set '%s' is not in the location of virtual machine '%s'.", r.name, w.target.name)
	}
	if hasImage(w.doc) && !strings.EqualFold(tree.Text(r.doc, "sku", "name"), "Aligned") {
		return conflict("OperationNotAllowed", "Addition of a VM with managed disks to non-managed Availability Set or addition of a VM with blob based disks to managed Availability Set is not supported. Please create an Availability Set with 'Aligned' SKU in order to add a VM with managed disks to it.")
	}
	return nil
}

// checkVMPublic: the public addresses of a zonal VM's NICs are in its zone or
// in all of them.
func (s *Store) checkVMPublic(w *write, form *vmForm) *Error {
	zones := tree.Texts(w.doc, "zones")
	if len(zones) == 0 {
		return nil
	}
	for _, key := range form.nics {
		for _, config := range s.byKey[key].form.(*nicForm).configs {
			if e := s.checkPublicZone(w.id, zones[0], config.public); e != nil {
				return e
			}
		}
	}
	return nil
}

// checkPublicZone takes Standard addresses without zones for zone-redundant
// ones, which Azure has done in regions with zones since 2024.
func (s *Store) checkPublicZone(vm, zone, public string) *Error {
	r := s.byKey[public]
	if r == nil {
		return nil
	}
	zones := tree.Texts(r.doc, "zones")
	var constraint string
	switch {
	case !standard(r.doc):
		constraint = "Regional"
	case len(zones) == 1 && zones[0] != zone:
		constraint = zones[0]
	default:
		return nil
	}
	return bad("ComputeResourceZoneConstraintDoesNotMatchPublicIPAddressZoneConstraint",
		"Compute resource %s has a zone constraint %s but the PublicIPAddress %s used by the compute resource via NetworkInterface or LoadBalancer has a different zone constraint %s.",
		vm, zone, r.id, constraint)
}

func standard(doc tree.Object) bool {
	return strings.EqualFold(tree.Text(doc, "sku", "name"), "Standard")
}

// checkPublicSKU keeps the rules of public addresses' zones and allocation (D3).
func checkPublicSKU(w *write, properties tree.Object) *Error {
	zones := tree.Texts(w.doc, "zones")
	if !standard(w.doc) && len(zones) > 0 {
		return bad("ZonesNotAllowedInBasicSkuResource", "Request for resource %s is invalid as it is Basic sku and in an Availability Zone which is a deprecated configuration.  Please change your resource to Standard sku for Availability Zone support.", w.id)
	}
	if standard(w.doc) && !strings.EqualFold(tree.Text(properties, "publicIPAllocationMethod"), "Static") {
		return bad("StandardSkuPublicIPAddressesMustBeStatic", "Standard sku publicIp %s must have AllocationMethod set to Static.", w.id)
	}
	for _, zone := range zones {
		if !slices.Contains(zonesHere, zone) {
			return bad("InvalidAvailabilityZone", "Zone %s of resource %s is not one of location %s: %s.", zone, w.id, tree.Text(w.doc, "location"), strings.Join(zonesHere, ", "))
		}
	}
	if w.old == nil {
		return nil
	}
	if was := tree.Texts(w.old.doc, "zones"); !slices.Equal(was, zones) {
		return bad("ResourceAvailabilityZonesCannotBeModified",
			"Resource %s has an existing availability zone constraint %s and the request has availability zone constraint %s, which do not match. Zones cannot be added/updated/removed once the resource is created. The resource cannot be updated from regional to zonal or vice-versa.",
			w.id, constraintOf(was), constraintOf(zones))
	}
	return nil
}

func constraintOf(zones []string) string {
	if len(zones) == 0 {
		return "NoZone"
	}
	return strings.Join(zones, ", ")
}
