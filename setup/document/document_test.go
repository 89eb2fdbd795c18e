package document

import (
	"fmt"
	"strings"
	"testing"
)

const nic = `{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/lan1","etag":"W/\"1\"",
"location":"westeurope","future":{"big":12345678901234567890},"properties":{"provisioningState":"Succeeded","ipConfigurations":[
{"name":"ipconfig1","id":"/x/1","etag":"W/\"1\"","properties":{"privateIPAddress":"10.0.0.4","unknown":true}},
{"name":"fip","id":"/x/2","properties":{"privateIPAddress":"10.0.0.9"}}]}}`

func TestWhatWeDoNotKnowIsKept(t *testing.T) {
	d := Must(nic)
	copied := d.Clone()
	copied.Objects("properties", "ipConfigurations")[1].Set("10.0.0.8", "properties", "privateIPAddress")
	copied.Set(map[string]string{"a": "b"}, "tags")
	copied.Delete("properties", "nothing", "here")
	if got := d.Objects("properties", "ipConfigurations")[1].Text("properties", "privateIPAddress"); got != "10.0.0.9" {
		t.Errorf("a change in the clone changed the original: %s", got)
	}
	text := string(copied.JSON())
	for _, kept := range []string{`"big":12345678901234567890`, `"unknown":true`, `"10.0.0.8"`, `"tags":{"a":"b"}`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s is missing in %s", kept, text)
		}
	}
	again, err := Parse([]byte(text))
	if err != nil || !Equal(again, copied) {
		t.Errorf("written and read it differs: %v, %v", err, Diff(again, copied))
	}
	for _, bad := range []string{"", "null", "[]", "{} {}", "{"} {
		if d, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, d)
		}
	}
}

func TestDifferences(t *testing.T) {
	cases := []struct {
		name   string
		change func(Document)
		want   string
	}{
		{"nothing", func(Document) {}, ""},
		{"what Azure derives", func(d Document) {
			d.Set("new", "etag")
			d.Set("Updating", "properties", "provisioningState")
			d.Objects("properties", "ipConfigurations")[0].Set("other", "id")
			d.Set([]string{}, "zones")
		}, ""},
		{"the order of a named list", func(d Document) {
			list := d.Objects("properties", "ipConfigurations")
			d.Set([]Document{list[1], list[0]}, "properties", "ipConfigurations")
		}, ""},
		{"the case of an id, and a location's spelling", func(d Document) {
			d.Set(strings.ToUpper(d.Text("id")), "id")
			d.Set("West Europe", "location")
		}, ""},
		{"an address", func(d Document) {
			d.Objects("properties", "ipConfigurations")[1].Set("10.0.0.8", "properties", "privateIPAddress")
		}, "properties.ipConfigurations[fip].properties.privateIPAddress: 10.0.0.9 -> 10.0.0.8"},
		{"a tag", func(d Document) { d.Set("v", "tags", "t") }, `tags: <nil> -> map[t:v]`},
		{"an element gone", func(d Document) {
			d.Set(d.Objects("properties", "ipConfigurations")[:1], "properties", "ipConfigurations")
		}, "properties.ipConfigurations[fip]: map"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before, after := Must(nic), Must(nic)
			c.change(after)
			var lines []string
			for _, d := range Diff(before, after) {
				lines = append(lines, fmt.Sprintf("%s: %v -> %v", d.Path, d.Before, d.After))
			}
			if got := strings.Join(lines, "\n"); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if Equal(nil, Must("{}")) || !Equal(nil, nil) {
		t.Error("an absent resource is like an empty one, or unlike itself")
	}
}

func TestIDs(t *testing.T) {
	cases := []struct{ text, group, extends, kind, name, parent string }{
		{"/subscriptions/s", "", "", Subscriptions, "s", ""},
		{"/subscriptions/s/resourceGroups/g", "g", "", ResourceGroups, "g", ""},
		{"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/lan", "g", "",
			"Microsoft.Network/virtualNetworks/subnets", "lan", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"},
		{"/subscriptions/s/resourceGroups/g/providers/A.B/c/d/providers/Microsoft.Authorization/roleAssignments/r", "g",
			"/subscriptions/s/resourceGroups/g/providers/A.B/c/d", "Microsoft.Authorization/roleAssignments", "r", ""},
		{"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/r", "", "/subscriptions/s", "Microsoft.Authorization/roleDefinitions", "r", ""},
		{"/providers/Microsoft.Authorization/roleDefinitions/r", "", "", "Microsoft.Authorization/roleDefinitions", "r", ""},
	}
	for _, c := range cases {
		id, err := ParseID(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		parent := ""
		if p := id.Parent(); p.Type != "" {
			parent = p.String()
		}
		if id.Group != c.group || id.Type != c.kind || id.Name() != c.name || parent != c.parent || id.String() != c.text {
			t.Errorf("%s: %+v, again %s, parent %s", c.text, id, id.String(), parent)
		}
		if c.extends != "" && id.Scope() != c.extends {
			t.Errorf("%s: scope %s, want %s", c.text, id.Scope(), c.extends)
		}
	}
	for _, bad := range []string{"", "/", "x", "/subscriptions", "/subscriptions//resourceGroups/g", "/subscriptions/s/resourceGroups/g/providers/A.B/c",
		"/subscriptions/s/resourceGroups/../providers/A.B/c/d", "/subscriptions/s/x/y", "/subscriptions/s/resourceGroups/g/providers/A.B/c/d?x=y"} {
		if id, err := ParseID(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, id)
		}
	}
}

func TestAPIVersions(t *testing.T) {
	cases := []struct{ path, kind string }{
		{"/subscriptions", Subscriptions},
		{"/tenants", "Microsoft.Resources/tenants"},
		{"/subscriptions/s/resourceGroups", ResourceGroups},
		{"/subscriptions/s/resources?$filter=x", "Microsoft.Resources/resources"},
		{"/subscriptions/s/resourceGroups/g/resources", "Microsoft.Resources/resources"},
		{"/subscriptions/s/locations", Subscriptions},
		{"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces", "Microsoft.Network/networkInterfaces"},
		{"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v/restart", "Microsoft.Compute/virtualMachines/restart"},
		{"/subscriptions/s/resourceGroups/g/providers/A.B/c/d/providers/Microsoft.Authorization/permissions", "Microsoft.Authorization/permissions"},
	}
	for _, c := range cases {
		if got := TypeOf(c.path); got != c.kind || APIVersion(got) == "" {
			t.Errorf("%s is of type %s (version %q), want %s", c.path, got, APIVersion(got), c.kind)
		}
	}
	if v := APIVersion("Contoso.Unknown/things"); v != "" {
		t.Errorf("an unknown type has version %s", v)
	}
}

// D5: an identity that is assigned is {} in a VM's body, and yet says something.
func TestAnAssignedIdentityIsADifference(t *testing.T) {
	one := Must(`{"identity":{"userAssignedIdentities":{"/a":{}}}}`)
	two := Must(`{"identity":{"userAssignedIdentities":{"/a":{},"/b":{}}}}`)
	if Equal(one, two) || Equal(two, one) || !Equal(two, two.Clone()) {
		t.Errorf("differences %v, %v", Diff(one, two), Diff(two, one))
	}
}
