package survey_test

import (
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// remake makes a VM anew, as a person does where Azure changes none: its NICs stay.
func remake(side site.Side, change func(w *world, body object)) func(*world) {
	return func(w *world) {
		id := w.VMID(sitetest.VM(side))
		body := w.Get(id)
		if err := w.client.Delete(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
		change(w, body)
		w.place(id, body)
		w.roles() // what was assigned on the VM went with it
	}
}

func zone(number string) func(*world, object) {
	return func(_ *world, body object) {
		delete(body, "zones")
		if number != "" {
			body["zones"] = []any{number}
		}
	}
}

// set puts a VM into an availability set.
func inSet(name string) func(*world, object) {
	return func(w *world, body object) {
		id := w.ID("Microsoft.Compute/availabilitySets", name)
		if w.Get(id) == nil {
			w.place(id, object{"location": sitetest.Location, "sku": object{"name": "Aligned"}, "properties": object{"platformFaultDomainCount": 2, "platformUpdateDomainCount": 2}})
		}
		body["properties"].(object)["availabilitySet"] = object{"id": id}
	}
}

// state sets a resource's provisioningState.
func (w *world) state(id, state string) {
	w.Server.With(func(_ time.Duration, st *store.Store) {
		if !st.SetState(id, state) {
			w.t.Fatalf("no %s", id)
		}
	})
}

// remadeFaults take a VM that is made anew, or Azure's own doing.
func remadeFaults() []fault {
	second := site.Secondary
	wan := sitetest.Addr(second, sitetest.WAN).String()
	return []fault{
		{name: "both in one zone", code: "same-zone", plant: remake(second, zone("1")), person: remake(second, zone("2"))},
		{name: "one zone only", code: "placed-unlike", plant: remake(second, zone("")), person: remake(second, zone("2"))},
		{name: "neither zone nor set", code: "placed-together", plant: both(remake(site.Primary, zone("")), remake(second, zone(""))),
			person: both(remake(site.Primary, zone("1")), remake(second, zone("2")))},
		{name: "another availability set", code: "set-differs", set: true, plant: remake(second, inSet("another")), person: remake(second, inSet("set-site"))},
		{name: "another WAN subnet", code: "subnet-differs", plant: moveWAN(sitetest.MGMT, "10.102.3.77"), person: moveWAN(sitetest.WAN, wan)},
		{name: "a NIC is missing", code: "nic-missing", plant: remake(second, func(_ *world, body object) {
			profile := body["properties"].(object)["networkProfile"].(object)
			all := profile["networkInterfaces"].([]any)
			profile["networkInterfaces"] = []any{all[0], all[2]} // without the WAN's
		}), person: remake(second, func(w *world, body object) {
			profile := body["properties"].(object)["networkProfile"].(object)
			profile["networkInterfaces"] = append(profile["networkInterfaces"].([]any), object{"id": w.NICID(sitetest.VM(second), sitetest.WAN), "properties": object{"primary": false}})
		})},
		{name: "NIC in a failed state", code: "nic-failed", plant: func(w *world) { w.state(w.LANNIC(second), "Failed") }},
		{name: "extension failed", code: "extension-failed", plant: func(w *world) {
			id := w.VMID(sitetest.Primary) + "/extensions/releve-ha"
			w.place(id, object{"location": sitetest.Location, "properties": object{"publisher": "Microsoft.Azure.Extensions", "type": "CustomScript", "typeHandlerVersion": "2.1"}})
			w.state(id, "Failed")
		}, person: func(w *world) { w.state(w.VMID(sitetest.Primary)+"/extensions/releve-ha", "Succeeded") }},
	}
}

// moveWAN puts the secondary's WAN NIC into a subnet. Azure moves none that a VM has.
func moveWAN(subnet, addr string) func(*world) {
	return remake(site.Secondary, func(w *world, _ object) {
		nic(site.Secondary, sitetest.WAN, func(p object) {
			config(p, 0)["privateIPAddress"], config(p, 0)["subnet"] = addr, object{"id": w.SubnetID(subnet)}
		})(w)
	})
}
