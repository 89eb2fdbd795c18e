package steer

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// entry is an Entry with what is needed to write it.
type entry struct {
	Entry
	etag string
	body json.RawMessage
}

var errNoJSON = errors.New("the answer is no JSON")

// parseNetwork lists the route tables of a virtual network's subnets.
func parseNetwork(body []byte) (tables []string, err error) {
	subnets, _, err := children(body, "subnets")
	for _, subnet := range subnets {
		props, err := properties(subnet)
		if err != nil {
			return nil, err
		}
		ref := props.fold("routeTable")
		if len(ref) == 0 {
			continue
		}
		table, err := members(ref, "a subnet's route table")
		if err != nil {
			return nil, err
		}
		id := text(table.fold("id"))
		if id != "" && !slices.ContainsFunc(tables, func(other string) bool { return strings.EqualFold(other, id) }) {
			tables = append(tables, id)
		}
	}
	return tables, err
}

// NetworkOnly is a virtual network with nothing but its subnets' route tables: all
// that the steering reads of it, and all that a record may keep. What can't be read
// stays as it is.
func NetworkOnly(body []byte) []byte {
	tables, err := parseNetwork(body)
	if err != nil {
		return body
	}
	subnets := make([]json.RawMessage, len(tables))
	for i, id := range tables {
		table := object{}.with("id", quoted(id)).join()
		subnets[i] = object{}.with("properties", object{}.with("routeTable", table).join()).join()
	}
	return object{}.with("properties", object{}.with("subnets", list(subnets)).join()).join()
}

// children cuts a resource into those that are in a list of its properties.
func children(body []byte, name string) (list []json.RawMessage, top object, err error) {
	if !json.Valid(body) {
		return nil, nil, errNoJSON
	}
	if top, err = members(body, "the body"); err != nil {
		return nil, nil, err
	}
	props, err := members(top.fold("properties"), "properties")
	if err != nil {
		return nil, nil, err
	}
	if raw := props.fold(name); len(raw) > 0 {
		list, err = items(raw, "properties."+name)
	}
	return list, top, err
}

// parseTable reads a route table: its state, and the entries that lead to one of
// these addresses.
func parseTable(name string, body []byte, fips []netip.Addr) (state string, entries []entry, err error) {
	routes, top, err := children(body, "routes")
	if err != nil {
		return "", nil, err
	}
	props, err := members(top.fold("properties"), "properties")
	if err != nil {
		return "", nil, err
	}
	state, etag := text(props.fold("provisioningState")), text(top.fold("etag"))
	for _, raw := range routes {
		route, err := members(raw, "a route")
		if err != nil {
			return "", nil, err
		}
		props, err := properties(raw)
		if err != nil {
			return "", nil, err
		}
		hop, err := netip.ParseAddr(text(props.fold("nextHopIpAddress")))
		if err != nil || !slices.Contains(fips, hop) {
			continue
		}
		e := entry{Entry: Entry{Table: name, Route: text(route.fold("name")), Prefix: text(props.fold("addressPrefix")), NextHop: hop},
			etag: text(route.fold("etag")), body: raw}
		if e.etag == "" {
			e.etag = etag // a route is a part of its table
		}
		if e.Route == "" || e.etag == "" {
			return "", nil, errors.New("a route without a name or an etag")
		}
		entries = append(entries, e)
	}
	return state, entries, nil
}

// to is the entry with another next hop. All else is as read.
func (e *entry) to(hop netip.Addr) []byte {
	route, err := members(e.body, "a route")
	if err != nil {
		panic("steer: a route that was read can't be read again: " + err.Error())
	}
	props, err := properties(e.body)
	if err != nil {
		panic("steer: a route that was read can't be read again: " + err.Error())
	}
	return route.withFold("properties", props.withFold("nextHopIpAddress", quoted(hop.String())).join()).join()
}
