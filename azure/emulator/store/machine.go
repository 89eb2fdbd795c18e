package store

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/tree"
)

// MachineKind is what happens to a machine.
type MachineKind string

// What happens to machines. A start is a Boot, too; a deallocation is a Stop.
const (
	MachineBoot    MachineKind = "boot"
	MachineRestart MachineKind = "restart"
	MachineStop    MachineKind = "stop"
	MachineDelete  MachineKind = "delete"
	MachineScript  MachineKind = "script"
)

// MachineEvent is something that the platform does with a VM that has an
// image, for whoever plays its guest.
type MachineEvent struct {
	Kind   MachineKind
	VM     Machine
	Script *Script // of a MachineScript
}

// Machine is a VM as its host needs it.
type Machine struct {
	ID, Name, Size, ComputerName string
	Image                        string // a resource's id, publisher:offer:sku:version, or the URI of the blob that an attached disk was made from
	CustomData                   []byte
	AdminUser                    string
	NICs                         []MachineNIC
}

// MachineNIC is a NIC of a Machine with its primary IP configuration.
type MachineNIC struct {
	ID, MAC string
	Primary bool
	Addr    netip.Addr
	Subnet  netip.Prefix
	DNS     []netip.Addr
}

// Script is what an extension or a run command has a machine run.
type Script struct {
	Operation           string // ScriptDone names it
	Extension           string // "" of a run command
	Command             string // for sh -c; a setting "script" is decoded, and one that begins with #! is to be run as a file
	Settings, Protected map[string]any
}

// bootingMark is set in a VM's extra while its guest has not reported, and
// hostedMark once a host has been told of it.
const (
	bootingMark = "booting"
	hostedMark  = "hosted"
)

// PlayGuests says that somebody plays the guests of VMs that have an image:
// from now on machine events are kept for MachineEvents, and boots and scripts
// end with Booted and ScriptDone. Machines that run already boot again. Without
// guests every boot and script succeeds.
func (s *Store) PlayGuests(now time.Duration) {
	s.Advance(now)
	if s.guests {
		return
	}
	s.guests = true
	for _, r := range s.sorted {
		if r.kind == vmKind && hasImage(r.doc) && r.extra["power"] == string(PowerRunning) {
			s.launch(r, MachineBoot)
		}
	}
}

// MachineEvents are the events since the last call, in order.
func (s *Store) MachineEvents() []MachineEvent {
	events := s.machines
	s.machines = nil
	return events
}

// Booted says that the guest's agent is ready: the VM's operation may end, and
// scripts that wait for it start. It reports whether there is such a VM.
func (s *Store) Booted(now time.Duration, vmID string) bool {
	s.Advance(now)
	r := s.byKey[strings.ToLower(vmID)]
	if r == nil || r.kind != vmKind {
		return false
	}
	setExtra(r, bootingMark, "")
	s.changed()
	if r.op != nil && r.op.waits && r.op.script == nil {
		s.guestDone(r.op)
	}
	s.tellScripts(r)
	return true
}

// BootFailed says that the guest will never be ready: the VM's operation ends
// Failed, as Azure's does when nothing was heard of a guest for too long.
func (s *Store) BootFailed(now time.Duration, vmID, why string) bool {
	s.Advance(now)
	r := s.byKey[strings.ToLower(vmID)]
	if r == nil || r.op == nil || !r.op.waits || r.op.script != nil {
		return false
	}
	r.op.failure = conflict("OSProvisioningTimedOut", "OS Provisioning for VM '%s' did not finish in the allotted time. The VM may still finish provisioning successfully. Please check provisioning state later. For details on how to check current provisioning state of Linux VMs, refer to https://aka.ms/LinuxVMLifecycle. (%s)", r.name, why)
	s.guestDone(r.op)
	return true
}

// guestDone ends an operation that waited for its guest, unless it has not taken
// its time yet.
func (s *Store) guestDone(op *operation) {
	op.waits = false
	if op.due[stepDone] <= s.now {
		s.step(op, stepDone)
	}
}

// setExtra replaces what a resource keeps; answers given before share the old one.
func setExtra(r *resource, name, value string) {
	extra := map[string]string{}
	for n, v := range r.extra {
		extra[n] = v
	}
	extra[name] = value
	if value == "" {
		delete(extra, name)
	}
	r.extra = extra
}

// launch tells the host of a boot or restart and marks the VM as not ready.
func (s *Store) launch(r *resource, kind MachineKind) {
	if !s.guests || !hasImage(r.doc) {
		return
	}
	setExtra(r, hostedMark, "true")
	setExtra(r, bootingMark, "true")
	s.tell(MachineEvent{Kind: kind, VM: s.machine(r)})
}

// halt tells the host that the VM stops or is deleted.
func (s *Store) halt(r *resource, kind MachineKind) {
	if !s.guests || r.extra[hostedMark] == "" {
		return
	}
	setExtra(r, bootingMark, "")
	s.tell(MachineEvent{Kind: kind, VM: s.machine(r)})
}

func (s *Store) tell(e MachineEvent) { s.machines = append(s.machines, e) }

// guestBegun makes the operation of a VM wait for its guest's part.
func guestBegun(s *Store, c *call, r *resource, op *operation) {
	switch {
	case op.delete:
		return // goneVM tells
	case c.script != nil:
		op.script = c.script
		op.script.Operation = op.ID
		op.waits = s.guests && r.extra[hostedMark] != "" && !c.direct
		s.tellScript(r, op)
		return
	case op.Name == vmKind.putName && r.extra[hostedMark] == "":
		s.launch(r, MachineBoot)
	}
	op.waits = r.extra[bootingMark] != "" && !c.direct
}

// tellScripts tells the host of the scripts that a machine waits for.
func (s *Store) tellScripts(vm *resource) {
	if vm.op != nil {
		s.tellScript(vm, vm.op)
	}
	for _, r := range s.under(vm.key) {
		if r.kind == extensionKind && r.op != nil {
			s.tellScript(vm, r.op)
		}
	}
}

// tellScript tells the host of a script, once, and not before the machine has
// booted.
func (s *Store) tellScript(vm *resource, op *operation) {
	if op.script == nil || !op.waits || op.told || vm.extra[bootingMark] != "" {
		return
	}
	op.told = true
	s.tell(MachineEvent{Kind: MachineScript, VM: s.machine(vm), Script: op.script})
}

// hasImage reports whether a VM's body says what its disk is made of; one
// without is a mere record.
func hasImage(doc tree.Object) bool { return len(tree.Sub(doc, "properties", "storageProfile")) > 0 }

func (s *Store) machine(r *resource) Machine {
	custom, err := base64.StdEncoding.DecodeString(r.extra["customData"])
	if err != nil {
		custom = nil // acceptVM has checked it
	}
	m := Machine{
		ID: r.id, Name: r.name, Size: tree.Text(r.doc, "properties", "hardwareProfile", "vmSize"),
		ComputerName: tree.Text(r.doc, "properties", "osProfile", "computerName"), Image: s.imageOf(r.doc),
		CustomData: custom, AdminUser: tree.Text(r.doc, "properties", "osProfile", "adminUsername"),
	}
	if m.ComputerName == "" {
		m.ComputerName = r.name
	}
	form := r.form.(*vmForm)
	for _, key := range form.nics {
		if nic := s.byKey[key]; nic != nil {
			m.NICs = append(m.NICs, s.machineNIC(nic, key == form.primary))
		}
	}
	return m
}

// imageOf names what a VM's disk is made of.
func (s *Store) imageOf(doc tree.Object) string {
	image := tree.Sub(doc, "properties", "storageProfile", "imageReference")
	if id := tree.Text(image, "id"); id != "" {
		return id
	}
	if image != nil {
		return imageURN(image)
	}
	disk := s.byKey[strings.ToLower(tree.Text(doc, "properties", "storageProfile", "osDisk", "managedDisk", "id"))]
	if disk == nil {
		return ""
	}
	if uri := tree.Text(disk.doc, "properties", "creationData", "sourceUri"); uri != "" {
		return uri
	}
	return tree.Text(disk.doc, "properties", "creationData", "imageReference", "id")
}

func imageURN(image tree.Object) string {
	return strings.Join([]string{tree.Text(image, "publisher"), tree.Text(image, "offer"), tree.Text(image, "sku"), tree.Text(image, "version")}, ":")
}

// platformDNS is where a VM asks unless its NIC or network says otherwise.
var platformDNS = azureHost.Addr()

func (s *Store) machineNIC(r *resource, primary bool) MachineNIC {
	n := MachineNIC{ID: r.id, MAC: r.extra["mac"], Primary: primary}
	name := primaryName(r.doc)
	for _, c := range r.form.(*nicForm).configs {
		if c.name != name {
			continue
		}
		n.Addr = c.addr
		if sub := s.subnet(c.subnet); sub != nil {
			n.Subnet = sub.prefix
		}
	}
	n.DNS = s.resolversOf(r)
	return n
}

// resolversOf are the DNS servers that a NIC's DHCP gives: its own, else its
// network's, else the platform's.
func (s *Store) resolversOf(nic *resource) []netip.Addr {
	texts := tree.Texts(nic.doc, "properties", "dnsSettings", "dnsServers")
	if len(texts) == 0 {
		vnet, _, _ := cutSubnet(nic.form.(*nicForm).configs[0].subnet)
		if r := s.byKey[vnet]; r != nil {
			texts = tree.Texts(r.doc, "properties", "dhcpOptions", "dnsServers")
		}
	}
	var out []netip.Addr
	for _, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil {
			out = append(out, addr)
		}
	}
	if out == nil {
		out = []netip.Addr{platformDNS}
	}
	return out
}
