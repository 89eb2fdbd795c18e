package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// FloatingName is the ipConfiguration that is made where none was.
const FloatingName = "releve-fip"

// holding is where the floating IP is.
type holding struct {
	member, place int
	nic           *NIC
	lan           bool
}

// floating is B6: on exactly one LAN NIC, static, and on that of the active.
func (e *examination) floating() {
	fip := e.Wanted.FloatingIP
	if !fip.IsValid() || e.wrongAddress() || e.has("fip-taken") {
		return // it can't be where it should
	}
	var on []holding
	for i := range e.Members {
		for _, n := range e.Members[i].NICs() {
			for k := range n.Configs {
				if c := &n.Configs[k]; c.Addr == fip && !c.Primary {
					on = append(on, holding{i, k, n, n == e.Members[i].LAN})
				}
			}
		}
	}
	active := e.active()
	if len(on) == 0 {
		e.nowhere(fip, active)
		return
	}
	if len(on) > 1 {
		e.twice(on, active)
		return
	}
	h := on[0]
	switch config := &h.nic.Configs[h.place]; {
	case !h.lan:
		e.add(Finding{Code: "fip-wrong-nic", Severity: Error, What: fmt.Sprintf("the floating IP %s is on %s, which is no LAN NIC", fip, h.nic.Name), Where: h.nic.ID,
			Why: "traffic for it goes to the wrong interface", Remedies: e.move(h, e.Members[max(active, 0)].LAN)})
	case active >= 0 && h.member != active:
		e.add(Finding{Code: "fip-standby", Severity: Error, What: fmt.Sprintf("the floating IP %s is on the %s, but the active is the %s", fip, e.Members[h.member].Side, e.Members[active].Side),
			Where: h.nic.ID, Why: "traffic goes to the vSocket that doesn't forward", Remedies: e.move(h, e.Members[active].LAN)})
	case !config.Static:
		e.add(Finding{Code: "fip-dynamic", Severity: Error, What: fmt.Sprintf("the floating IP %s is a dynamic address", fip), Where: h.nic.ID,
			Why: "Azure takes it back when the VM is stopped", Remedies: []Remedy{edit(h.nic.ID, true, "properties/ipConfigurations/"+config.Name+"/properties/privateIPAllocationMethod", "Static")}})
	}
}

// wrongAddress says that an address of the site's can't be what it shall be.
func (e *examination) wrongAddress() bool {
	return slices.ContainsFunc(e.found, func(f Finding) bool { return strings.HasPrefix(f.Code, "address-") })
}

func (e *examination) nowhere(fip netip.Addr, active int) {
	lan := e.Members[max(active, 0)].LAN
	if lan == nil {
		return
	}
	e.add(Finding{Code: "fip-none", Severity: Error, Setup: true, What: fmt.Sprintf("the floating IP %s is on no NIC", fip), Where: lan.ID, Why: "traffic for it is dropped",
		Remedies: []Remedy{putOn(lan, fip)}})
}

// putOn adds the floating IP to a LAN NIC.
func putOn(lan *NIC, fip netip.Addr) Remedy {
	item := map[string]any{"name": FloatingName, "properties": map[string]any{"privateIPAddress": fip.String(), "privateIPAllocationMethod": "Static",
		"primary": false, "subnet": map[string]any{"id": lan.Primary().Subnet}}}
	return Remedy{Safe: true, Request: &Request{Method: "PUT", ID: lan.ID, Edits: []Edit{{Path: []string{"properties", "ipConfigurations"}, Value: item, Append: true}}}}
}

// move takes it off one NIC and puts it on another.
func (e *examination) move(from holding, to *NIC) []Remedy {
	remedies := []Remedy{takeOff(from)}
	if to != nil {
		remedies = append(remedies, putOn(to, e.Wanted.FloatingIP))
	}
	return remedies
}

func (e *examination) twice(on []holding, active int) {
	keep := 0
	for i, h := range on {
		if h.lan && (h.member == active || active < 0 && h.member == 0) {
			keep = i
		}
	}
	f := Finding{Code: "fip-both", Severity: Error, What: fmt.Sprintf("the floating IP %s is on %d NICs", e.Wanted.FloatingIP, len(on)), Where: on[keep].nic.ID, Why: "nobody knows which one Azure sends to"}
	for i, h := range on {
		if i != keep {
			f.Remedies = append(f.Remedies, takeOff(h))
		}
	}
	e.add(f)
}

// takeOff takes it from a NIC.
func takeOff(h holding) Remedy {
	r := edit(h.nic.ID, true, "properties/ipConfigurations/"+h.nic.Configs[h.place].Name, nil)
	r.Request.Edits[0].At = h.place
	return r
}

// active is the member that says it is Master, or -1 if nobody or both do.
func (e *examination) active() int {
	active := -1
	for i, g := range e.Guests {
		if g != nil && g.Status != nil && g.Status.Master {
			if active >= 0 {
				return -1
			}
			active = i
		}
	}
	return active
}
