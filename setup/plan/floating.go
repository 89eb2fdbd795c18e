package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/site"
)

// gone is for a resource that was there when the facts were read.
func gone(id string) error { return fmt.Errorf("%s isn't there any more", id) }

// floatingStep puts the floating IP on the primary's LAN NIC (D7), unless one of
// the two has it. All else of the NIC stays as it is. The tag is written with
// it, so that there is no moment at which nobody knows whose it is.
func floatingStep(f *doctor.Facts) Step {
	nic, fip := f.Members[0].LAN, f.Wanted.FloatingIP
	return Step{
		Name: "floating-ip", ID: nic.ID, Why: "the floating IP is on the primary's LAN NIC (D7)",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is == nil {
				return nil, gone(nic.ID)
			}
			if configAt(is, fip) != nil {
				return is, nil
			}
			shall := is.Clone()
			config := document.Document{"name": freeName(is)}
			config.Set(false, "properties", "primary")
			config.Set(fip.String(), "properties", "privateIPAddress")
			config.Set("Static", "properties", "privateIPAllocationMethod")
			config.Set("IPv4", "properties", "privateIPAddressVersion")
			own := primaryConfig(is)
			config.Set(map[string]any{"id": own.Text("properties", "subnet", "id")}, "properties", "subnet")
			// Azure wants the same on all configurations of a NIC.
			if groups := own.Get("properties", "applicationSecurityGroups"); groups != nil {
				config.Set(groups, "properties", "applicationSecurityGroups")
			}
			list, _ := shall.Get("properties", "ipConfigurations").([]any)
			shall.Set(append(list, map[string]any(config)), "properties", "ipConfigurations")
			shall.Set(fip.String(), "tags", TagFloating)
			shall.Set(SiteOf(f), "tags", TagSite)
			return shall, nil
		},
	}
}

func freeName(nic document.Document) string {
	name := FloatingConfig
	for n := 2; ; n++ {
		taken := false
		for _, c := range nic.Objects("properties", "ipConfigurations") {
			taken = taken || strings.EqualFold(c.Text("name"), name)
		}
		if !taken {
			return name
		}
		name = fmt.Sprintf("%s-%d", FloatingConfig, n)
	}
}

// configAt is a NIC's ipConfiguration with an address, nil if it has none.
func configAt(nic document.Document, addr netip.Addr) document.Document {
	for _, c := range nic.Objects("properties", "ipConfigurations") {
		if c.Text("properties", "privateIPAddress") == addr.String() {
			return c
		}
	}
	return nil
}

func primaryConfig(nic document.Document) document.Document {
	list := nic.Objects("properties", "ipConfigurations")
	for _, c := range list {
		if c.Bool("properties", "primary") {
			return c
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return nil
}

// takeFloating takes the floating IP off a NIC, if ha made it; the tags with it, the vSockets' own claim on the role too, which is nobody's without them.
func takeFloating(f *doctor.Facts, m *doctor.Member, made []netip.Addr) Step {
	return Step{
		Name: "floating-ip-" + m.Side.String(), ID: m.LAN.ID, Why: "the floating IP isn't on the " + m.Side.String() + "'s LAN NIC",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is == nil {
				return nil, nil
			}
			shall := is.Clone()
			var keep []any
			for _, c := range shall.Objects("properties", "ipConfigurations") {
				if c.Bool("properties", "primary") || !among(made, c.Text("properties", "privateIPAddress")) {
					keep = append(keep, map[string]any(c))
				}
			}
			shall.Set(keep, "properties", "ipConfigurations")
			tags := []string{site.ClaimTag}
			if mine(is, SiteOf(f)) {
				tags = append(tags, TagFloating, TagSite)
			}
			untag(shall, tags...)
			return shall, nil
		},
	}
}
