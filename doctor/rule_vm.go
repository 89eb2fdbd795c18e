package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// both is whether both VMs were found: what compares them needs both.
func (e *examination) both() bool { return e.Members[0].VM.Found && e.Members[1].VM.Found }

func (e *examination) vms() {
	for i := range e.Members {
		m := &e.Members[i]
		vm := &m.VM
		switch {
		case vm.ID == "":
			continue // nobody asked for it
		case !vm.Found:
			e.add(Finding{Code: "vm-missing", Severity: Error, What: "there is no VM of the " + m.Side.String(), Where: vm.ID,
				Why: "high availability takes two vSockets", Remedies: []Remedy{{Person: "make it: releve azure deploy --role " + m.Side.String() + ", or name the right VM"}}})
			continue
		case strings.Contains(vm.Name, " "):
			e.add(Finding{Code: "vm-name", Severity: Error, What: fmt.Sprintf("the name %q has a space", vm.Name), Where: vm.ID,
				Why: "a guest's host name and the scripts of set-up can't have one", Remedies: []Remedy{{Person: "make the VM anew under a name without spaces: releve azure deploy"}}})
		}
		if vm.State == "Failed" {
			e.add(Finding{Code: "vm-failed", Severity: Warning, What: "the VM's last change failed", Where: vm.ID, Why: "Azure may refuse the next change of it",
				Remedies: []Remedy{{Request: &Request{Method: "PUT", ID: vm.ID}}}})
		}
		switch vm.Power {
		case "", "running", "starting":
			if vm.Power == "running" && vm.Agent != "" && vm.Agent != "Ready" {
				e.add(Finding{Code: "vm-agent", Severity: Warning, What: "the guest's agent is not ready: " + vm.Agent, Where: vm.ID,
					Why: "extensions and run commands don't reach the guest", Remedies: []Remedy{{Guest: &GuestSetting{Member: i, Kind: Service, Name: "walinuxagent"}}}})
			}
		default:
			e.add(Finding{Code: "vm-stopped", Severity: Error, What: "the VM is " + vm.Power, Where: vm.ID, Why: "a site with one vSocket has nobody to take over",
				Remedies: []Remedy{{Request: &Request{Method: "POST", ID: vm.ID + "/start"}, Safe: true}}})
		}
	}
}

// redundancy is A5: different zones, or one availability set with two fault
// domains; not both at once. A VM can't be put in either later (D2).
func (e *examination) redundancy() {
	for i := range e.Members {
		vm := &e.Members[i].VM
		if len(vm.Zones) > 0 && vm.Set != "" {
			e.placed("zone-and-set", Error, vm.ID, "the VM has a zone and an availability set", "Azure allows one of the two")
			return
		}
	}
	if !e.both() {
		return
	}
	a, b := &e.Members[0].VM, &e.Members[1].VM
	switch {
	case (a.Set == "") != (b.Set == ""), len(a.Zones) == 0 && a.Set == "" && len(b.Zones) > 0, len(b.Zones) == 0 && b.Set == "" && len(a.Zones) > 0:
		e.placed("placed-unlike", Warning, b.ID, "one VM is in a zone or an availability set, the other not likewise", "one failure or one maintenance in Azure may take both")
	case len(a.Zones) == 0 && a.Set == "":
		e.placed("placed-together", Warning, b.ID, "the VMs are in neither different zones nor an availability set", "one failure or one maintenance in Azure may take both")
	case len(a.Zones) > 0 && slices.Equal(a.Zones, b.Zones):
		e.placed("same-zone", Warning, b.ID, "both VMs are in zone "+strings.Join(a.Zones, ", "), "a zone's failure takes both")
	case a.Set != "" && !SameID(a.Set, b.Set):
		e.placed("set-differs", Warning, b.ID, "the VMs are in two availability sets", "only within one set Azure keeps them apart")
	case a.Set != "" && a.FaultDomain != nil && b.FaultDomain != nil && *a.FaultDomain == *b.FaultDomain:
		e.placed("same-fault-domain", Warning, b.ID, fmt.Sprintf("both VMs are in fault domain %d", *a.FaultDomain), "a rack's failure takes both")
	}
}

func (e *examination) placed(code string, severity Severity, where, what, why string) {
	e.add(Finding{Code: code, Severity: severity, What: what, Where: where, Why: why,
		Remedies: []Remedy{{Person: "make the VM anew: Azure puts none into a zone or a set later (releve azure deploy --zone N, or --availability-set NAME)"}}})
}

// alike is A6: same size, same subnets, one VNet.
func (e *examination) alike() {
	if !e.both() {
		return
	}
	a, b := &e.Members[0], &e.Members[1]
	if !strings.EqualFold(a.VM.Size, b.VM.Size) {
		e.add(Finding{Code: "size-differs", Severity: Error, What: fmt.Sprintf("the secondary's size is %s, the primary's %s", b.VM.Size, a.VM.Size), Where: b.VM.ID,
			Why: "after a failover the site has another throughput", Remedies: []Remedy{{Request: &Request{Method: "PUT", ID: b.VM.ID,
				Edits: []Edit{{Path: []string{"properties", "hardwareProfile", "vmSize"}, Value: a.VM.Size}}}}}})
	}
	if !strings.EqualFold(a.VM.Location, b.VM.Location) {
		e.add(Finding{Code: "location-differs", Severity: Error, What: fmt.Sprintf("the secondary is in %s, the primary in %s", b.VM.Location, a.VM.Location), Where: b.VM.ID,
			Why: "a VNet is in one region", Remedies: []Remedy{{Person: "make the secondary anew in " + a.VM.Location + ": releve azure deploy"}}})
	}
	for _, pair := range [][2]*NIC{{a.LAN, b.LAN}, {a.WAN, b.WAN}, {a.MGMT, b.MGMT}} {
		if pair[0] == nil || pair[1] == nil {
			continue
		}
		one, other := pair[0].Primary().Subnet, pair[1].Primary().Subnet
		oneNet, _, _ := strings.Cut(one, "/subnets/")
		otherNet, _, _ := strings.Cut(other, "/subnets/")
		switch {
		case SameID(one, other):
			continue
		case !SameID(oneNet, otherNet):
			if !e.has("vnet-differs") {
				e.add(Finding{Code: "vnet-differs", Severity: Error, What: "the two vSockets are in different VNets", Where: pair[1].ID,
					Why: "an address can't move from one VNet to another", Remedies: []Remedy{{Person: "make the secondary anew in the primary's VNet: a NIC can't change it (releve azure deploy --role secondary)"}}})
			}
			continue
		}
		e.add(Finding{Code: "subnet-differs", Severity: Error, What: fmt.Sprintf("%s is in %s, %s in %s", pair[1].Name, other, pair[0].Name, one), Where: pair[1].ID,
			Why:      "the two have the same subnets; the floating IP can only be where its subnet is",
			Remedies: []Remedy{{Person: "make the secondary anew in the primary's subnets (releve azure deploy --role secondary): Azure moves no second NIC that a VM has"}}})
	}
}

// ExtensionName is what the set-up calls its own custom-script extension.
const ExtensionName = "releve-ha"

func (e *examination) extensions() {
	for i := range e.Members {
		for _, x := range e.Members[i].VM.Extensions {
			script := strings.EqualFold(x.Type, "CustomScript") || strings.EqualFold(x.Type, "CustomScriptForLinux")
			switch {
			case !script:
			case x.Name != ExtensionName:
				e.add(Finding{Code: "extension-other", Severity: Error, What: fmt.Sprintf("the VM has a custom-script extension already, %q", x.Name), Where: x.ID,
					Why: "Azure allows one a VM, and HA's settings come by one", Remedies: []Remedy{{Request: &Request{Method: "DELETE", ID: x.ID}}}})
			case x.State == "Failed":
				e.add(Finding{Code: "extension-failed", Severity: Error, Setup: true, What: "the extension that brings HA's settings has failed: " + x.Message, Where: x.ID,
					Why: "the guest may be without them", Remedies: []Remedy{{Person: "run releve azure ha again: it goes on where it stopped"}}})
			}
		}
	}
}
