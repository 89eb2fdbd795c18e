package store

import (
	"net/http"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// Power is a VM's power state as its instance view codes it.
type Power string

// The power states.
const (
	PowerRunning     Power = "running"
	PowerStopped     Power = "stopped"
	PowerDeallocated Power = "deallocated"
)

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

// powerTo is the action that ends in a power state; the VM's host is told of it
// when it is accepted.
func powerTo(power Power, event MachineKind) func(*Store, *call, *resource) Response {
	return func(s *Store, c *call, r *resource) Response {
		was := Power(r.extra["power"])
		switch {
		case event == MachineRestart && was == PowerDeallocated:
			return conflict("OperationNotAllowed", "The VM '%s' is deallocated. The operation requires it to be running; start it instead.", r.name).response()
		case event == MachineStop && was == PowerRunning:
			s.halt(r, MachineStop)
		case event == MachineRestart && was == PowerRunning:
			s.launch(r, MachineRestart)
		case event != MachineStop && was != PowerRunning:
			s.launch(r, MachineBoot)
		}
		op := s.begin(c, r, "VirtualMachinePowerOperation", profile.Compute, false)
		op.power = power
		if op.Status == succeeded { // no time passes: it has ended already
			s.SetPower(r.id, power)
		}
		return s.accepted(c, r, op)
	}
}

// SetPower changes a VM's power state as the platform does when a host fails
// or somebody stops the VM. It reports whether there is such a VM.
func (s *Store) SetPower(vmID string, power Power) bool {
	r := s.byKey[strings.ToLower(vmID)]
	if r == nil || r.kind != vmKind {
		return false
	}
	setExtra(r, "power", string(power))
	s.readdress(r, power)
	s.changed()
	return true
}

// powerStatus is a VM's power state in its instance view.
func powerStatus(r *resource) tree.Object {
	power := r.extra["power"]
	return tree.Object{"code": "PowerState/" + power, "level": "Info", "displayStatus": "VM " + power}
}

var instanceViewKind = new(kind)

func init() {
	register(instanceViewKind, kind{name: "Microsoft.Compute/virtualMachines/instanceView", serve: serveInstanceView})
}

// instanceView is what the platform knows of a running VM.
func (s *Store) instanceView(r *resource) tree.Object {
	state := strings.ToLower(r.state)
	view := tree.Object{
		"statuses": []any{
			tree.Object{"code": "ProvisioningState/" + state, "level": "Info", "displayStatus": "Provisioning " + state},
			powerStatus(r),
		},
	}
	if r.extra["power"] != string(PowerRunning) {
		return view
	}
	view["computerName"], view["osName"] = r.name, "linux"
	if name := tree.Text(r.doc, "properties", "osProfile", "computerName"); name != "" {
		view["computerName"] = name
	}
	view["vmAgent"] = s.agentView(r)
	var extensions []any
	for _, extension := range s.extensions(r) {
		extensions = append(extensions, extensionView(extension))
	}
	if extensions != nil {
		view["extensions"] = extensions
	}
	if disk := tree.Text(r.doc, "properties", "storageProfile", "osDisk", "name"); disk != "" {
		view["hyperVGeneration"] = "V2"
		view["disks"] = []any{tree.Object{"name": disk, "statuses": []any{provisioningStatus(true)}}}
	}
	return view
}

// agentView is the guest agent's part of it.
func (s *Store) agentView(r *resource) tree.Object {
	if r.extra[bootingMark] != "" {
		return tree.Object{"vmAgentVersion": "Unknown", "statuses": []any{tree.Object{"code": "ProvisioningState/Unavailable",
			"level": "Warning", "displayStatus": "Not Ready", "message": "VM status blob is found but not yet populated."}}}
	}
	view := tree.Object{"vmAgentVersion": "2.9.1.1", "statuses": []any{tree.Object{"code": "ProvisioningState/succeeded",
		"level": "Info", "displayStatus": "Ready", "message": "Guest Agent is running"}}}
	var handlers []any
	for _, extension := range s.extensions(r) {
		handlers = append(handlers, tree.Object{"type": handlerOf(extension.doc), "typeHandlerVersion": handlerVersion(extension.doc),
			"status": tree.Object{"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"}})
	}
	if handlers != nil {
		view["extensionHandlers"] = handlers
	}
	return view
}

// expandVM shows what a GET shows only if asked.
func expandVM(s *Store, r *resource, what string) tree.Object {
	o := tree.Shallow(s.viewOf(r))
	properties := tree.Shallow(tree.Sub(o, "properties"))
	o["properties"] = properties
	for _, one := range strings.Split(strings.ToLower(what), ",") {
		switch strings.TrimSpace(one) {
		case "instanceview":
			properties["instanceView"] = s.instanceView(r)
		case "userdata":
			if data := r.extra["userData"]; data != "" {
				properties["userData"] = data
			}
		}
	}
	return o
}

func serveInstanceView(s *Store, c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil || r.kind != vmKind {
		return s.missing(c.target).response()
	}
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	return Response{Status: http.StatusOK, Body: tree.Render(s.instanceView(r))}
}
