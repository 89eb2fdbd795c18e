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
	wrong := slices.ContainsFunc(e.found, func(f Finding) bool { return strings.HasPrefix(f.Code, "address-") })
	if !fip.IsValid() || wrong || e.has("fip-taken") {
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
			Why: "traffic for it goes to the wrong interface", Remedies: []Remedy{e.takeOff(h, true)}})
	case active >= 0 && h.member != active:
		e.add(Finding{Code: "fip-standby", Severity: Error, What: fmt.Sprintf("the floating IP %s is on the %s, but the active is the %s", fip, e.Members[h.member].Side, e.Members[active].Side),
			Where: h.nic.ID, Why: "traffic goes to the vSocket that doesn't forward", Remedies: []Remedy{e.takeOff(h, true)}})
	case !config.Static:
		e.add(Finding{Code: "fip-dynamic", Severity: Error, What: fmt.Sprintf("the floating IP %s is a dynamic address", fip), Where: h.nic.ID,
			Why: "Azure takes it back when the VM is stopped", Remedies: []Remedy{edit(h.nic.ID, true, fmt.Sprintf("properties/ipConfigurations/%d/properties/privateIPAllocationMethod", h.place), "Static")}})
	}
}

func (e *examination) nowhere(fip netip.Addr, active int) {
	lan := e.Members[max(active, 0)].LAN
	if lan == nil {
		return
	}
	item := map[string]any{"name": FloatingName, "properties": map[string]any{"privateIPAddress": fip.String(), "privateIPAllocationMethod": "Static",
		"primary": false, "subnet": map[string]any{"id": lan.Primary().Subnet}}}
	e.add(Finding{Code: "fip-none", Severity: Error, Setup: true, What: fmt.Sprintf("the floating IP %s is on no NIC", fip), Where: lan.ID, Why: "traffic for it is dropped",
		Remedies: []Remedy{{Safe: true, Request: &Request{Method: "PUT", ID: lan.ID, Edits: []Edit{{Path: []string{"properties", "ipConfigurations"}, Value: item, Append: true}}}}}})
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
			f.Remedies = append(f.Remedies, e.takeOff(h, true))
		}
	}
	e.add(f)
}

// takeOff takes the floating IP from a NIC; the agent, or the next finding, puts it
// where it belongs.
func (e *examination) takeOff(h holding, safe bool) Remedy {
	return edit(h.nic.ID, safe, fmt.Sprintf("properties/ipConfigurations/%d", h.place), nil)
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
