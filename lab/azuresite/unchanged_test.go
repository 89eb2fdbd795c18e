package azuresite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// was is a NIC as Azure shows it.
const was = `{"etag":"W/\"1\"","tags":{"owner":"ops"},"future":{"n":1.50},"properties":{"provisioningState":"Succeeded",
"networkSecurityGroup":{"id":"nsg"},"enableAcceleratedNetworking":true,"ipConfigurations":[
{"name":"ipconfig1","etag":"W/\"1\"","properties":{"provisioningState":"Succeeded","privateIPAddress":"10.102.2.10"}},
{"name":"releve-fip","etag":"W/\"1\"","properties":{"privateIPAddress":"10.102.2.200"}}]}}`

// B5: each change but our own is found, and names its place.
func TestDifferencesNameEachPlace(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"nothing", "", "", nil},
		{"our tag", `"owner":"ops"`, `"owner":"ops","releve-claim":"7/primary/0000000000000000/1"`, nil},
		{"what Azure derives", `"provisioningState":"Succeeded"`, `"provisioningState":"Updating"`, nil},
		{"the floating IP gone", `,
{"name":"releve-fip","etag":"W/\"1\"","properties":{"privateIPAddress":"10.102.2.200"}}`, ``, nil},
		{"security group gone", `"networkSecurityGroup":{"id":"nsg"},`, ``, []string{"properties.networkSecurityGroup is gone"}},
		{"accelerated networking off", `Networking":true`, `Networking":false`, []string{"properties.enableAcceleratedNetworking was true, is false"}},
		{"a tag changed", `"ops"`, `"dev"`, []string{`tags.owner was "ops", is "dev"`}},
		{"a number rewritten", `1.50`, `1.5`, []string{"future.n was 1.50, is 1.5"}},
		{"something new", `"tags"`, `"kind":"x","tags"`, []string{`kind is new: "x"`}},
		{"own address moved", `10.102.2.10"`, `10.102.2.12"`, []string{`properties.ipConfigurations[0].properties.privateIPAddress was "10.102.2.10", is "10.102.2.12"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			is := strings.ReplaceAll(was, c.from, c.to)
			if c.from == "" {
				is = was
			}
			got, err := Differences([]byte(was), []byte(is))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := Differences([]byte("{"), []byte(was)); err == nil {
		t.Error("a body that is no JSON passes")
	}
}

// B5: what its owner set on the floating IP's own ipConfiguration moves with it.
func TestFloatingDifferences(t *testing.T) {
	nic := func(configs string) []byte { return []byte(`{"properties":{"ipConfigurations":[` + configs + `]}}`) }
	const own = `{"name":"ipconfig1","properties":{"privateIPAddress":"10.102.2.10"}}`
	const vip = `{"name":"vip","id":"/old/vip","etag":"1","note":"x","properties":{"privateIPAddress":"10.102.2.200","provisioningState":"Succeeded","pools":[1]}}`
	before := [][]byte{nic(own + "," + vip), nic(own)}
	for _, c := range []struct {
		name  string
		after [][]byte
		want  []string
	}{
		{"in place", before, nil},
		{"moved", [][]byte{nic(own), nic(own + "," + strings.NewReplacer("/old", "/new", `"etag":"1"`, `"etag":"2"`).Replace(vip))}, nil},
		{"on none", [][]byte{nic(own), nic(own)}, nil},
		{"made anew", [][]byte{nic(own), nic(own + `,{"name":"releve-fip","properties":{"privateIPAddress":"10.102.2.200"}}`)},
			[]string{`name was "vip", is "releve-fip"`, "note is gone", "properties.pools is gone"}},
	} {
		got, err := FloatingDifferences(before, c.after)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if _, err := FloatingDifferences(before, [][]byte{[]byte("{")}); err == nil {
		t.Error("a body that is no JSON passes")
	}
}
