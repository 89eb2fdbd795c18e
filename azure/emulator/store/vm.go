package store

import (
	"net/http"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

var vmKind = new(kind)

func init() {
	register(vmKind, kind{
		name: "Microsoft.Compute/virtualMachines", class: profile.Compute, etag: true, tracked: true, putName: "PutVirtualMachineOperation",
		readOnly: []string{"vmId", "instanceView", "timeCreated"},
		accept:   acceptVM, derive: deriveVM, outer: outerVM, parse: parseVM, links: vmLinks,
		posts: map[string]func(*Store, *call, *resource) Response{
			"start":      powerTo(PowerRunning),
			"restart":    powerTo(PowerRunning),
			"poweroff":   powerTo(PowerStopped),
			"deallocate": powerTo(PowerDeallocated),
		},
	})
}

var instanceViewKind = new(kind)

func init() {
	register(instanceViewKind, kind{name: "Microsoft.Compute/virtualMachines/instanceView", serve: serveInstanceView})
}

var availabilitySetKind = new(kind)

func init() {
	register(availabilitySetKind, kind{name: "Microsoft.Compute/availabilitySets", tracked: true})
}

// Power is a VM's power state as its instance view codes it.
type Power string

// The power states.
const (
	PowerRunning     Power = "running"
	PowerStopped     Power = "stopped"
	PowerDeallocated Power = "deallocated"
)

// vmForm is what the rest of the store needs of a VM.
type vmForm struct {
	nics       []string // keys
	primary    string
	identities []string // keys
}

func acceptVM(s *Store, w *write) *Error {
	if _, e := ensureProperties(w); e != nil {
		return e
	}
	form := parseVM(s, nil, w.doc).(*vmForm)
	if len(form.nics) == 0 {
		return bad("InvalidParameter", "Required parameter 'networkProfile.networkInterfaces' is missing (null).")
	}
	for _, key := range form.nics {
		nic := s.byKey[key]
		if nic == nil || nic.kind != nicKind {
			return notFound("NotFound", "Resource %s not found.", key)
		}
		if vm, _ := s.vmOf(key); vm != nil && vm.key != w.key {
			return bad("NicInUse", "Network Interface %s is used by existing resource %s. In order to attach the network interface, it must be dissociated from the resource.", nic.id, vm.id)
		}
	}
	if len(form.nics) > 1 && form.primary == "" {
		return bad("NetworkInterfaceMustHavePrimaryPropertySet", "Network interface %s must have Primary property set.", s.byKey[form.nics[0]].name)
	}
	for _, key := range form.identities {
		if r := s.byKey[key]; r == nil || r.kind != identityKind {
			return bad("FailedIdentityOperation", "Identity operation for resource '%s' failed. Resource '%s' was not found.", w.id, key)
		}
	}
	if w.extra["vmId"] == "" {
		w.extra["vmId"] = s.guid()
		w.extra["power"] = string(PowerRunning)
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

// outerVM shows the ids of the identities that are assigned to the VM.
func outerVM(s *Store, r *resource, o tree.Object) {
	identity := tree.Sub(r.doc, "identity")
	if identity == nil {
		return
	}
	assigned := tree.Object{}
	for _, id := range identityIDs(r.doc) {
		if i := s.byKey[strings.ToLower(id)]; i != nil {
			assigned[id] = tree.Object{"principalId": i.extra["principalId"], "clientId": i.extra["clientId"]}
		}
	}
	identity = tree.Shallow(identity)
	identity["userAssignedIdentities"] = assigned
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

// instanceView is what the platform knows of a running VM.
func instanceView(r *resource) tree.Object {
	power := r.extra["power"]
	view := tree.Object{
		"statuses": []any{
			tree.Object{"code": "ProvisioningState/" + strings.ToLower(r.state), "level": "Info", "displayStatus": "Provisioning " + strings.ToLower(r.state)},
			tree.Object{"code": "PowerState/" + power, "level": "Info", "displayStatus": "VM " + power},
		},
	}
	if power == string(PowerRunning) {
		view["computerName"], view["osName"] = r.name, "linux"
	}
	return view
}

func (s *Store) withInstanceView(r *resource) []byte {
	o := tree.Shallow(s.viewOf(r))
	properties := tree.Shallow(tree.Sub(o, "properties"))
	properties["instanceView"] = instanceView(r)
	o["properties"] = properties
	return tree.Render(o)
}

func serveInstanceView(s *Store, c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil || r.kind != vmKind {
		return s.missing(c.target).response()
	}
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	return Response{Status: http.StatusOK, Body: tree.Render(instanceView(r))}
}

// post is an action on a resource.
func (s *Store) post(c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil {
		return s.missing(c.target).response()
	}
	name := c.target.typKey[strings.LastIndexByte(c.target.typKey, '/')+1:]
	do := r.kind.posts[name]
	if do == nil {
		return notFound("InvalidResourceType", "The resource type '%s' has no action '%s'.", r.kind.name, name).response()
	}
	return do(s, c, r)
}

func powerTo(power Power) func(*Store, *call, *resource) Response {
	return func(s *Store, c *call, r *resource) Response {
		op := s.begin(c, r, "VirtualMachinePowerOperation", profile.Compute, false)
		op.power = power
		if r.op == nil { // no time passes: it has ended already
			s.SetPower(r.id, power)
			return Response{Status: http.StatusOK}
		}
		s.changed()
		answer := Response{Status: http.StatusAccepted}
		s.addAsync(c, &answer, r)
		answer.set("Location", s.operationURL(c, r, "operationResults"))
		answer.Body = nil
		return answer
	}
}

// SetPower changes a VM's power state as the platform does when a host fails
// or somebody stops the VM. It reports whether there is such a VM.
func (s *Store) SetPower(vmID string, power Power) bool {
	r := s.byKey[strings.ToLower(vmID)]
	if r == nil || r.kind != vmKind {
		return false
	}
	extra := map[string]string{}
	for name, value := range r.extra {
		extra[name] = value
	}
	extra["power"] = string(power)
	r.extra = extra
	s.changed()
	return true
}
