package site

import "net/netip"

// FIPChange is how a change of the floating IP goes (R14).
type FIPChange struct {
	Step    string       `json:"step"`             // waits, adds, routes, drops, done
	Former  []netip.Addr `json:"former,omitempty"` // that are still on a NIC
	Routes  []RouteEntry `json:"routes,omitempty"` // that lead to one of them, as last read
	Unread  []string     `json:"unread,omitempty"` // why it can't be told whether there are more
	Denied  []string     `json:"denied,omitempty"` // why a person has to change them
	Problem string       `json:"problem,omitempty"`
}

// RouteEntry is an entry of a route table in Azure.
type RouteEntry struct {
	Table   string     `json:"table"` // its resource id
	Route   string     `json:"route"`
	Prefix  string     `json:"prefix"`
	NextHop netip.Addr `json:"next_hop"`
}
