package doctor

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const body = `{"etag":"1","future":{"deep":[1]},"properties":{"enableIPForwarding":false,"ipConfigurations":[{"name":"a","properties":{"x":1}},{"name":"b","properties":{"x":2}}]},
"identity":{"type":"UserAssigned","userAssignedIdentities":{"/subscriptions/s/providers/Microsoft.X/id":{}}}}`

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// An edit changes its place and nothing else, leaves the document that it is given
// alone, and done twice is as done once.
func TestEdits(t *testing.T) {
	for _, c := range []struct {
		name     string
		edit     Edit
		from, to string // in body
	}{
		{"a value", Edit{Path: []string{"properties", "enableIPForwarding"}, Value: true}, `Forwarding":false`, `Forwarding":true`},
		{"a value in a named item", Edit{Path: []string{"properties", "ipConfigurations", "B", "properties", "x"}, Value: 3.0}, `"x":2`, `"x":3`},
		{"an item less", Edit{Path: []string{"properties", "ipConfigurations", "b"}}, `,{"name":"b","properties":{"x":2}}`, ``},
		{"an item less that isn't there", Edit{Path: []string{"properties", "ipConfigurations", "c"}}, ``, ``},
		{"an item more", Edit{Path: []string{"properties", "ipConfigurations"}, Append: true, Value: map[string]any{"name": "c"}}, `"x":2}}`, `"x":2}},{"name":"c"}`},
		{"an item that is there", Edit{Path: []string{"properties", "ipConfigurations"}, Append: true, Value: map[string]any{"name": "a"}}, ``, ``},
		{"a list made", Edit{Path: []string{"properties", "dns", "servers"}, Append: true, Value: "x"}, `"enableIP`, `"dns":{"servers":["x"]},"enableIP`},
		{"a name with dots gone", Edit{Path: []string{"identity", "userAssignedIdentities", "/subscriptions/s/providers/Microsoft.X/id"}}, `"/subscriptions/s/providers/Microsoft.X/id":{}`, ``},
		{"what is gone already", Edit{Path: []string{"properties", "nothing", "deeper"}}, ``, ``},
	} {
		r := Request{Method: "PUT", ID: "/x", Edits: []Edit{c.edit}}
		is, want := parsed(t, body), parsed(t, strings.Replace(body, c.from, c.to, 1))
		for range 2 {
			before := marshal(is)
			shall, err := r.Apply(is)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if diff := cmp.Diff(want, shall); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
			if marshal(is) != before {
				t.Errorf("%s: what was given has changed", c.name)
			}
			is = shall
		}
	}
}

func TestEditsThatLeadNowhere(t *testing.T) {
	for _, path := range [][]string{{}, {"etag", "x"}, {"properties", "ipConfigurations", "none", "x"}} {
		r := Request{ID: "/x", Edits: []Edit{{Path: path, Value: 1}}}
		if _, err := r.Apply(parsed(t, body)); err == nil {
			t.Errorf("%v passes", path)
		}
	}
	if _, err := (&Request{ID: "/x"}).Apply(nil); err == nil {
		t.Error("what isn't there is edited")
	}
}

// The words of a remedy are written from its data.
func TestWords(t *testing.T) {
	const network = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/"
	const vm = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
	nic := network + "networkInterfaces/lan"
	for _, c := range []struct {
		remedy          Remedy
		command, portal string
	}{
		{edit(nic, true, "properties/enableIPForwarding", true), "az resource update --ids " + nic + " --set properties.enableIPForwarding=true",
			"Network interfaces > lan > IP configurations > Enable IP forwarding"},
		{edit(nic, true, "properties/ipConfigurations/a/properties/privateIPAllocationMethod", "Static"),
			"az resource update --ids " + nic + " --set 'properties.ipConfigurations[name=a].properties.privateIPAllocationMethod=Static'", "Network interfaces > lan > IP configurations"},
		{Remedy{Request: &Request{Method: "PUT", ID: nic, Edits: []Edit{{Path: []string{"properties", "ipConfigurations", "b"}, At: 1}}}},
			"az resource update --ids " + nic + " --remove properties.ipConfigurations 1", "Network interfaces > lan > IP configurations"},
		{Remedy{Request: &Request{Method: "PUT", ID: nic}}, "az network nic update --ids " + nic, "Network interfaces > lan"},
		{Remedy{Request: &Request{Method: "PUT", ID: network + "networkSecurityGroups/g", Edits: []Edit{{Path: []string{"properties", "securityRules"}, Append: true, Value: map[string]any{"name": "it's"}}}}},
			"az resource update --ids " + network + `networkSecurityGroups/g --add properties.securityRules '{"name":"it'\''s"}'`, "Network security groups > g > Settings > Security rules > Add"},
		{Remedy{Request: &Request{Method: "PUT", ID: vm, Edits: []Edit{{Path: []string{"identity", "userAssignedIdentities", "/id"}}}}},
			"az vm identity remove --resource-group rg --name vm --identities /id", "Virtual machines > vm > Security > Identity"},
		{Remedy{Request: &Request{Method: "PUT", ID: vm, Edits: []Edit{{Path: []string{"identity", "type"}, Value: "UserAssigned"},
			{Path: []string{"identity", "userAssignedIdentities", "/a"}, Value: map[string]any{}}, {Path: []string{"identity", "userAssignedIdentities", "/b"}}}}},
			"az vm identity assign --resource-group rg --name vm --identities /a && az vm identity remove --resource-group rg --name vm --identities /b", "Virtual machines > vm > Security > Identity"},
		{edit(vm, false, "identity/type", "UserAssigned"), "az vm identity remove --resource-group rg --name vm --identities '[system]'", "Virtual machines > vm > Security > Identity"},
		{Remedy{Request: &Request{Method: "POST", ID: vm + "/start"}}, "az resource invoke-action --action start --ids " + vm, "Virtual machines > vm > start"},
		{Remedy{Request: &Request{Method: "DELETE", ID: vm + "/extensions/x"}}, "az resource delete --ids " + vm + "/extensions/x", "Virtual machines > Extensions + applications > x > Delete"},
		{Remedy{Request: &Request{Method: "PUT", ID: nic + "/providers/Microsoft.Authorization/roleAssignments/n", Body: map[string]any{
			"properties": map[string]any{"principalId": "p", "principalType": "ServicePrincipal", "roleDefinitionId": "/role"}}}},
			"az role assignment create --assignee-object-id p --assignee-principal-type ServicePrincipal --role /role --scope " + nic, "lan > Access control (IAM) > Add role assignment"},
		{set(0, Sysctl, "net.ipv4.ip_forward", "1"), "sudo sysctl -w net.ipv4.ip_forward=1", ""},
		{set(0, Setting, "azure.nic", "{resource_group: rg, name: n}"),
			"echo '{azure: {nic: {resource_group: rg, name: n}}}' | sudo releve-vsocket config merge && sudo releve-vsocket config apply", ""},
	} {
		c.remedy.write()
		if c.remedy.Command != c.command || c.remedy.Portal != c.portal {
			t.Errorf("got  %s | %s\nwant %s | %s", c.remedy.Command, c.remedy.Portal, c.command, c.portal)
		}
	}
}
