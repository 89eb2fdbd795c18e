package apitest

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// FuzzParseNIC: what is taken for a NIC reads the same when it is written, and
// something can be said of it, whatever it holds.
func FuzzParseNIC(f *testing.F) {
	f.Add([]byte(`{"id":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/lan","name":"lan","etag":"e","properties":{"provisioningState":"Failed","ipConfigurations":[{"name":"a","properties":{"privateIPAddress":"10.102.2.10","subnet":{"id":"/x"}}}]}}`))
	f.Add([]byte(`{"id":"resourceGroups","etag":"e","properties":{"networkSecurityGroup":{},"ipConfigurations":[null,{"properties":null}]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := parseNIC(body)
		if err != nil {
			return
		}
		again, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := parseNIC(again); err != nil || !reflect.DeepEqual(read, n) {
			t.Fatalf("%s is read as %+v, and %s as %+v (%v)", body, n, again, read, err)
		}
		address := netip.MustParseAddr("10.102.2.10")
		said := (&test{Config: Config{Subnet: "/x"}}).faults(n, address, "interfaces.lan.address")
		has := false
		for _, each := range n.addresses() {
			has = has || each == address.String()
		}
		if !has && (len(said) == 0 || !strings.Contains(said[0].text, address.String())) {
			t.Fatalf("%s lacks the address, and nobody says so: %v", body, said)
		}
	})
}
