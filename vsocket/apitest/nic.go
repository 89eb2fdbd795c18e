package apitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
)

func parseNIC(body []byte) (*doctor.NIC, error) {
	n, err := doctor.ParseNIC(body)
	if err == nil && n.ETag == "" {
		err = errors.New("the answer is no NIC: it has no ETag")
	}
	return n, err
}

func addresses(n *doctor.NIC) []string {
	var all []string
	for _, config := range n.Configs {
		all = append(all, config.Addr.String())
	}
	return all
}

type nicFault struct{ text, hint string }

// faults lists what keeps HA from working with this NIC.
func (t *test) faults(n *doctor.NIC, address netip.Addr, setting string) []nicFault {
	var faults []nicFault
	config := n.Config(address)
	group, name := groupAndName(n.ID)
	switch {
	case config == nil:
		faults = append(faults, nicFault{
			fmt.Sprintf("%s has %s, not %s", n.Name, strings.Join(addresses(n), ", "), address),
			fmt.Sprintf("name the LAN NIC's own address in %s, or the right NIC in the section azure", setting)})
	case !doctor.SameID(config.Subnet, t.Subnet):
		faults = append(faults, nicFault{
			fmt.Sprintf("%s is in the subnet %s, not %s", n.Name, config.Subnet, t.Subnet),
			"name the LAN subnet in azure.subnet; both vSockets use the same one"})
	}
	if !n.Forwarding {
		faults = append(faults, nicFault{
			n.Name + " doesn't forward: IP forwarding is off",
			fmt.Sprintf("az network nic update --resource-group %s --name %s --ip-forwarding true", group, name)})
	}
	if n.VM == "" {
		faults = append(faults, nicFault{
			n.Name + " is attached to no VM",
			"attach it to the vSocket's VM, or name the right NIC in the section azure"})
	}
	if n.State == "Failed" {
		faults = append(faults, nicFault{
			n.Name + " is in the state Failed",
			fmt.Sprintf("az network nic update --resource-group %s --name %s repeats its last change", group, name)})
	}
	return faults
}

// groupAndName takes a resource id apart.
func groupAndName(id string) (group, name string) {
	parts := strings.Split(id, "/")
	for i, part := range parts {
		if strings.EqualFold(part, "resourceGroups") && i+1 < len(parts) {
			group = parts[i+1]
		}
	}
	return group, parts[len(parts)-1]
}

// differences lists the paths at which two bodies differ, but for what Azure
// derives anew with each write.
func differences(before, after []byte) ([]string, error) {
	var a, b any
	for _, side := range []struct {
		body []byte
		into *any
	}{{before, &a}, {after, &b}} {
		decoder := json.NewDecoder(strings.NewReader(string(side.body)))
		decoder.UseNumber()
		if err := decoder.Decode(side.into); err != nil {
			return nil, fmt.Errorf("comparing the NIC: %w", err)
		}
	}
	var paths []string
	compare("", a, b, &paths)
	return paths, nil
}

func compare(path string, a, b any, paths *[]string) {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			*paths = append(*paths, path)
			return
		}
		for _, key := range sortedKeys(a, b) {
			if key != "etag" && key != "provisioningState" {
				va, inA := a[key]
				vb, inB := b[key]
				if inA && inB {
					compare(path+"."+key, va, vb, paths)
				} else {
					*paths = append(*paths, path+"."+key)
				}
			}
		}
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			*paths = append(*paths, path)
			return
		}
		for i := range a {
			compare(fmt.Sprintf("%s[%d]", path, i), a[i], b[i], paths)
		}
	default:
		if a != b && !sameNumber(a, b) {
			*paths = append(*paths, path)
		}
	}
}

// sameNumber takes 1.50 for 1.5, as any JSON library writes it. Whole numbers
// are compared as text: a float would take two large ones for the same.
func sameNumber(a, b any) bool {
	na, okA := a.(json.Number)
	nb, okB := b.(json.Number)
	if !okA || !okB || !strings.ContainsAny(na.String()+nb.String(), ".eE") {
		return false
	}
	fa, errA := na.Float64()
	fb, errB := nb.Float64()
	return errA == nil && errB == nil && fa == fb
}
