package apitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// nic is what the test looks at in a NIC. The body that it writes is never
// made from this.
type nic struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ETag       string `json:"etag"`
	Properties struct {
		State      string     `json:"provisioningState"`
		Forwarding bool       `json:"enableIPForwarding"`
		NSG        *reference `json:"networkSecurityGroup"`
		VM         *reference `json:"virtualMachine"`
		Configs    []struct {
			Name       string `json:"name"`
			Properties struct {
				Address  string      `json:"privateIPAddress"`
				Subnet   *reference  `json:"subnet"`
				Public   *reference  `json:"publicIPAddress"`
				ASGs     []reference `json:"applicationSecurityGroups"`
				Pools    []reference `json:"loadBalancerBackendAddressPools"`
				NATRules []reference `json:"loadBalancerInboundNatRules"`
			} `json:"properties"`
		} `json:"ipConfigurations"`
	} `json:"properties"`
}

type reference struct {
	ID string `json:"id"`
}

func parseNIC(body []byte) (*nic, error) {
	n := &nic{}
	if err := json.Unmarshal(body, n); err != nil {
		return nil, fmt.Errorf("the answer is no NIC: %w", err)
	}
	if n.ID == "" || n.ETag == "" || len(n.Properties.Configs) == 0 {
		return nil, errors.New("the answer is no NIC: it has no id, no ETag or no IP configuration")
	}
	return n, nil
}

func (n *nic) addresses() []string {
	var all []string
	for _, config := range n.Properties.Configs {
		all = append(all, config.Properties.Address)
	}
	return all
}

type nicFault struct{ text, hint string }

// faults lists what keeps HA from working with this NIC.
func (t *test) faults(n *nic, address netip.Addr, setting string) []nicFault {
	var faults []nicFault
	subnet, found := "", false
	for _, config := range n.Properties.Configs {
		if config.Properties.Address == address.String() {
			found = true
			if config.Properties.Subnet != nil {
				subnet = config.Properties.Subnet.ID
			}
		}
	}
	group, name := groupAndName(n.ID)
	switch {
	case !found:
		faults = append(faults, nicFault{
			fmt.Sprintf("%s has %s, not %s", n.Name, strings.Join(n.addresses(), ", "), address),
			fmt.Sprintf("name the LAN NIC's own address in %s, or the right NIC in the section azure", setting)})
	case !strings.EqualFold(subnet, t.Subnet):
		faults = append(faults, nicFault{
			fmt.Sprintf("%s is in the subnet %s, not %s", n.Name, subnet, t.Subnet),
			"name the LAN subnet in azure.subnet; both vSockets use the same one"})
	}
	if !n.Properties.Forwarding {
		faults = append(faults, nicFault{
			n.Name + " doesn't forward: IP forwarding is off",
			fmt.Sprintf("az network nic update --resource-group %s --name %s --ip-forwarding true", group, name)})
	}
	if n.Properties.VM == nil {
		faults = append(faults, nicFault{
			n.Name + " is attached to no VM",
			"attach it to the vSocket's VM, or name the right NIC in the section azure"})
	}
	if n.Properties.State == "Failed" {
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
