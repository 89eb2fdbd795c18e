package steer

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// tables are route tables, and what isn't one.
var tables = []string{
	`{"etag":"t","properties":{"provisioningState":"Succeeded","routes":[{"name":"a","etag":"r","x":[1.50,null],"properties":{"addressPrefix":"0.0.0.0/0","nextHopIpAddress":"10.102.2.200","é":"\u00e9"}},{"name":"b","properties":{"nextHopType":"None"}}]}}`,
	`{"etag":"t","properties":{"routes":[{"NAME":"a","Properties":{"NextHopIPAddress":"10.102.2.201"}}, {"name":"b","properties":{"nextHopIpAddress":"10.9.9.9"}}]}}`,
	`{"etag":"t","properties":{"routes":null}}`,
	`{"etag":"t","properties":{"routes":[null,{}]}}`,
	`{"properties":{"routes":[{"name":"a","properties":{"nextHopIpAddress":"10.102.2.200"}}]}}`,
	`{"etag":"t","properties":{"routes":{}}}`,
	`{"etag":"t","properties":[]}`,
	`[]`,
	``,
}

// FuzzTable (B5, R14): of a route table those entries are taken that lead to one of
// the addresses, and one that is changed differs in its next hop and nothing else.
func FuzzTable(f *testing.F) {
	for _, body := range tables {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, entries, err := parseTable("/t", body, []netip.Addr{fip, next})
		if err != nil || !unambiguous(body) {
			return
		}
		routes, _ := inner(inner(parse(t, body), "properties"), "routes").([]any)
		at := 0
		for _, route := range routes {
			hop, _ := inner(inner(route, "properties"), "nextHopIpAddress").(string)
			addr, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil || addr != fip && addr != next {
				continue
			}
			if at >= len(entries) || entries[at].NextHop != addr {
				t.Fatalf("%v of %s, want one that leads to %s", entries, body, addr)
			}
			for name := range inner(route, "properties").(map[string]any) {
				if strings.EqualFold(name, "nextHopIpAddress") {
					inner(route, "properties").(map[string]any)[name] = next.String()
				}
			}
			if got := parse(t, entries[at].to(next)); !reflect.DeepEqual(got, route) {
				t.Fatalf("%s is changed to %s", entries[at].body, got)
			}
			at++
		}
		if at != len(entries) {
			t.Fatalf("%v of %s", entries, body)
		}
	})
}

// FuzzNetwork: the route tables of a network's subnets, each once, and a record
// keeps them.
func FuzzNetwork(f *testing.F) {
	for _, body := range append(tables, `{"properties":{"subnets":[{"properties":{"routeTable":{"id":"/T"}}},{"properties":{"routeTable":{"id":"/t"}}},{"properties":{"routeTable":null}},{"properties":{"RouteTable":{"ID":"/u"}}},null]}}`, `{"Properties":{"suBnets":[{"properties":{"routeTABle":{"id":"/t"}}}]}}`) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		names, err := parseNetwork(body)
		kept, keptErr := parseNetwork(NetworkOnly(body))
		if !slices.Equal(kept, names) || fmt.Sprint(keptErr) != fmt.Sprint(err) {
			t.Fatalf("%q (%v) of %s is kept as %q (%v)", names, err, body, kept, keptErr)
		}
		if err != nil || !unambiguous(body) {
			return
		}
		var want []string
		same := func(name string) func(string) bool {
			return func(other string) bool { return strings.EqualFold(name, other) }
		}
		subnets, _ := inner(inner(parse(t, body), "properties"), "subnets").([]any)
		for _, subnet := range subnets {
			id, _ := inner(inner(inner(subnet, "properties"), "routeTable"), "id").(string)
			if id = strings.TrimSpace(id); id != "" && !slices.ContainsFunc(want, same(id)) {
				want = append(want, id)
			}
		}
		if !slices.Equal(names, want) {
			t.Fatalf("%q of %s, want %q", names, body, want)
		}
	})
}
