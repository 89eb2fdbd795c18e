package store

import (
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// vmKind is Microsoft.Compute/virtualMachines. A VM without a storageProfile,
// which Azure doesn't have, is a mere record that is there at once.
var vmKind = new(kind)

func init() {
	register(vmKind, kind{
		name: "Microsoft.Compute/virtualMachines", class: profile.Compute, etag: true, tracked: true, putName: "PutVirtualMachineOperation",
		readOnly: []string{"vmId", "instanceView", "timeCreated"},
		accept:   acceptVM, derive: deriveVM, outer: outerVM, parse: parseVM, links: vmLinks,
		begun: guestBegun, stored: storedVM, gone: goneVM, patch: patchVM, expand: expandVM,
		posts: map[string]func(*Store, *call, *resource) Response{
			"start":      powerTo(PowerRunning, MachineBoot),
			"restart":    powerTo(PowerRunning, MachineRestart),
			"poweroff":   powerTo(PowerStopped, MachineStop),
			"deallocate": powerTo(PowerDeallocated, MachineStop),
			"runcommand": runCommand,
		},
	})
}

// vmForm is what the rest of the store needs of a VM.
type vmForm struct {
	nics       []string // keys
	primary    string
	identities []string // keys
}

func acceptVM(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	delete(w.doc, "resources")
	if strings.EqualFold(tree.Text(w.doc, "identity", "type"), "None") {
		delete(w.doc, "identity")
	}
	form := parseVM(s, nil, w.doc).(*vmForm)
	if len(form.nics) == 0 {
		return bad("InvalidParameter", "Required parameter 'networkProfile.networkInterfaces' is missing (null).")
	}
	for _, check := range []func() *Error{
		func() *Error { return s.checkVMNICs(w, form) },
		func() *Error { return s.checkIdentities(w.id, form) },
		func() *Error { return s.checkAvailability(w, properties) },
		func() *Error { return s.checkVMPublic(w, form) },
		func() *Error { return s.checkMachine(w, properties, form) },
	} {
		if e := check(); e != nil {
			return e
		}
	}
	if w.extra["vmId"] == "" {
		w.extra["vmId"] = s.guid()
		w.extra["power"] = string(PowerRunning)
	}
	return nil
}

func (s *Store) checkVMNICs(w *write, form *vmForm) *Error {
	for _, key := range form.nics {
		nic := s.byKey[key]
		if nic == nil || nic.kind != nicKind {
			return notFound("NotFound", "Resource %s not found.", key)
		}
		if vm, _ := s.vmOf(key); vm != nil && vm.key != w.key {
			return bad("NicInUse", "Network Interface %s is used by existing resource %s. In order to attach the network interface, it must be dissociated from the resource.", nic.id, vm.id)
		}
	}
	if w.old != nil && hasImage(w.old.doc) && w.extra["power"] != string(PowerDeallocated) && !sameNICs(w.old.form.(*vmForm), form) {
		return bad("AddingOrDeletingNetworkInterfacesOnARunningVirtualMachineNotSupported",
			"Secondary network interfaces cannot be added or deleted from a running virtual machine. In order to add or delete, the virtual machine %s must be stop-deallocated.", w.id)
	}
	if len(form.nics) > 1 && form.primary == "" {
		return bad("NetworkInterfaceMustHavePrimaryPropertySet", "Network interface %s must have Primary property set.", s.byKey[form.nics[0]].name)
	}
	return nil
}

func sameNICs(a, b *vmForm) bool {
	return len(a.nics) == len(b.nics) && !slices.ContainsFunc(b.nics, func(key string) bool { return !slices.Contains(a.nics, key) })
}

func (s *Store) checkIdentities(vm string, form *vmForm) *Error {
	for _, key := range form.identities {
		if r := s.byKey[key]; r == nil || r.kind != identityKind {
			return bad("FailedIdentityOperation", "Identity operation for resource '%s' failed. Resource '%s' was not found.", vm, key)
		}
	}
	return nil
}

func parseVM(_ *Store, _ *resource, doc tree.Object) any {
	form := &vmForm{}
	for _, nic := range tree.Objects(doc, "properties", "networkProfile", "networkInterfaces") {
		key := strings.ToLower(tree.Text(nic, "id"))
		form.nics = append(form.nics, key)
		if tree.Bool(nic, "properties", "primary") {
			form.primary = key
		}
	}
	if len(form.nics) == 1 {
		form.primary = form.nics[0]
	}
	for _, id := range identityIDs(doc) {
		form.identities = append(form.identities, strings.ToLower(id))
	}
	return form
}

func deriveVM(_ *Store, r *resource, properties tree.Object) { properties["vmId"] = r.extra["vmId"] }

// outerVM shows the ids of the identities that are assigned to the VM, and its
// extensions.
func outerVM(s *Store, r *resource, o tree.Object) {
	var children []any
	for _, extension := range s.extensions(r) {
		children = append(children, tree.Shallow(s.viewOf(extension)))
	}
	if children != nil {
		o["resources"] = children
	}
	identity := tree.Sub(r.doc, "identity")
	if identity == nil {
		return
	}
	identity = tree.Shallow(identity)
	if strings.Contains(strings.ToLower(tree.Text(identity, "type")), "systemassigned") {
		identity["principalId"], identity["tenantId"] = r.extra["vmId"], s.opt.Tenant
	}
	if ids := identityIDs(r.doc); len(ids) > 0 || identity["userAssignedIdentities"] != nil {
		assigned := tree.Object{}
		for _, id := range ids {
			if i := s.byKey[strings.ToLower(id)]; i != nil {
				assigned[id] = tree.Object{"principalId": i.extra["principalId"], "clientId": i.extra["clientId"]}
			}
		}
		identity["userAssignedIdentities"] = assigned
	}
	o["identity"] = identity
}

func vmLinks(doc tree.Object) []link {
	var out []link
	for _, nic := range tree.Objects(doc, "properties", "networkProfile", "networkInterfaces") {
		out = append(out, link{"Microsoft.Network/networkInterfaces/join/action", tree.Text(nic, "id")})
	}
	for _, id := range identityIDs(doc) {
		out = append(out, link{"Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", id})
	}
	if id := tree.Text(doc, "properties", "storageProfile", "imageReference", "id"); id != "" {
		out = append(out, link{"Microsoft.Compute/images/read", id})
	}
	if id := tree.Text(doc, "properties", "storageProfile", "osDisk", "managedDisk", "id"); id != "" {
		out = append(out, link{"Microsoft.Compute/disks/read", id})
	}
	if id := tree.Text(doc, "properties", "availabilitySet", "id"); id != "" {
		out = append(out, link{"Microsoft.Compute/availabilitySets/read", id})
	}
	return out
}

// vmOf is the VM that a NIC is attached to, and whether it is its primary.
func (s *Store) vmOf(nic string) (vm *resource, primary bool) {
	for _, r := range s.sorted {
		form, ok := r.form.(*vmForm)
		if !ok {
			continue
		}
		for _, key := range form.nics {
			if key == nic {
				return r, form.primary == nic
			}
		}
	}
	return nil, false
}

// patchVM is "Virtual Machines - Update": members are merged, an identity
// whose value is null is taken off.
func patchVM(s *Store, c *call, r *resource) (tree.Object, *Error) {
	patch, err := tree.ParseNulls(c.Body)
	if err != nil {
		return nil, bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err)
	}
	doc := tree.Clone(r.doc)
	for name, value := range patch {
		switch name {
		case "tags", "zones":
			doc[name] = value
		case "identity", "properties":
			sub, ok := value.(tree.Object)
			if !ok {
				return nil, bad("InvalidRequestContent", "The request content was invalid: '%s' is not an object.", name)
			}
			old, _ := doc[name].(tree.Object)
			doc[name] = tree.Merge(old, sub)
		}
	}
	identity := tree.Sub(doc, "identity")
	if identity != nil && !strings.Contains(strings.ToLower(tree.Text(identity, "type")), "userassigned") {
		delete(identity, "userAssignedIdentities")
	}
	return doc, nil
}
