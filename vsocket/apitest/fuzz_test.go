package apitest

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseNIC: whatever is taken for a NIC, something can be said of it.
func FuzzParseNIC(f *testing.F) {
	f.Add([]byte(`{"id":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/lan","name":"lan","etag":"e","properties":{"provisioningState":"Failed","ipConfigurations":[{"name":"a","properties":{"privateIPAddress":"10.102.2.10","subnet":{"id":"/x"}}}]}}`))
	f.Add([]byte(`{"id":"resourceGroups","etag":"e","properties":{"networkSecurityGroup":{},"ipConfigurations":[null,{"properties":null}]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := parseNIC(body)
		if err != nil {
			return
		}
		address := netip.MustParseAddr("10.102.2.10")
		said := (&test{Config: Config{Subnet: "/x"}}).faults(n, address, "interfaces.lan.address")
		has := false
		for _, each := range addresses(n) {
			has = has || each == address.String()
		}
		if !has && (len(said) == 0 || !strings.Contains(said[0].text, address.String())) {
			t.Fatalf("%s lacks the address, and nobody says so: %v", body, said)
		}
	})
}
