package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// maxTags is how many a resource may have.
const maxTags = 50

// Entry is a route that leads to an address.
type Entry struct {
	Table, Name string // resource id of the table, name of the route
	Prefix      netip.Prefix
}

// Leading lists the entries of all tables whose next hop is an address.
func Leading(f *doctor.Facts, addr netip.Addr) []Entry {
	var list []Entry
	for _, table := range f.RouteTables {
		for _, r := range table.Routes {
			if strings.EqualFold(r.HopType, "VirtualAppliance") && r.Hop == addr {
				list = append(list, Entry{table.ID, r.Name, r.Prefix})
			}
		}
	}
	return list
}

// routeSteps lead the entries that led to from to another address (D9), a step
// for each table. What led there first is kept in a tag of the table, if remember.
func routeSteps(f *doctor.Facts, from, to netip.Addr, remember bool) []Step {
	site := SiteOf(f)
	var steps []Step
	for _, table := range f.RouteTables {
		if !slices.ContainsFunc(Leading(f, from), func(e Entry) bool { return doctor.SameID(e.Table, table.ID) }) {
			continue
		}
		steps = append(steps, Step{
			Name: "routes-" + table.Name, ID: table.ID, Why: fmt.Sprintf("routes that led to %s lead to the floating IP %s (D9)", from, to),
			Change: func(is document.Document, _ *Known) (document.Document, error) {
				if is == nil {
					return nil, gone(table.ID)
				}
				shall := is.Clone()
				for _, r := range hops(shall, from) {
					r.Set(to.String(), "properties", "nextHopIpAddress")
					if remember && shall.Text("tags", TagWas+r.Text("name")) == "" {
						shall.Set(from.String()+" "+site, "tags", TagWas+r.Text("name"))
					}
				}
				if n := len(shall.Object("tags")); n > maxTags {
					return nil, fmt.Errorf("route table %s would have %d tags, Azure allows %d\nhint: its former next hops are kept in tags; take some of its other tags away", table.Name, n, maxTags)
				}
				return shall, nil
			},
		})
	}
	return steps
}

// hops are the routes of a table that lead to one of some addresses; parts of the
// table.
func hops(table document.Document, addrs ...netip.Addr) []document.Document {
	return slices.DeleteFunc(table.Objects("properties", "routes"), func(r document.Document) bool {
		return !strings.EqualFold(r.Text("properties", "nextHopType"), "VirtualAppliance") || !among(addrs, r.Text("properties", "nextHopIpAddress"))
	})
}

func among(addrs []netip.Addr, text string) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.String() == text })
}

// restoreRoutes leads entries back to where they led before ha, each only if it
// still leads to the floating IP: what somebody changed since is theirs.
func restoreRoutes(f *doctor.Facts, fips []netip.Addr) []Step {
	site := SiteOf(f)
	var steps []Step
	for _, table := range f.RouteTables {
		if len(former(table.Tags, site)) == 0 {
			continue
		}
		steps = append(steps, Step{
			Name: "routes-" + table.Name, ID: table.ID, Why: "routes lead to where they led before",
			Change: func(is document.Document, _ *Known) (document.Document, error) {
				if is == nil {
					return nil, nil
				}
				shall := is.Clone()
				tags := map[string]string{}
				for name := range shall.Object("tags") {
					tags[name] = shall.Text("tags", name)
				}
				for route, was := range former(tags, site) {
					for _, r := range hops(shall, fips...) {
						if strings.EqualFold(r.Text("name"), route) {
							r.Set(was, "properties", "nextHopIpAddress")
						}
					}
					untag(shall, TagWas+route)
				}
				return shall, nil
			},
		})
	}
	return steps
}

// former reads a table's tags: where its routes led before the site's ha.
func former(tags map[string]string, site string) map[string]string {
	list := map[string]string{}
	for name, value := range tags {
		was, whose, _ := strings.Cut(value, " ")
		if len(name) > len(TagWas) && strings.EqualFold(name[:len(TagWas)], TagWas) && strings.EqualFold(whose, site) {
			list[name[len(TagWas):]] = was
		}
	}
	return list
}
