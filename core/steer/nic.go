package steer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
)

// NIC is one read of a network interface. What isn't ours stays as the bytes
// that Azure sent: a NIC rebuilt from a model loses what the model doesn't know
// (requirement B5; azure.md section 1).
type NIC struct {
	ETag   string
	State  string // provisioningState: Succeeded, Updating, Failed
	Claim  site.Claim
	BadTag string // the claim tag's value, if it is no claim

	Floating []Floating // those of the floating IPs that are on it

	top     object
	tags    object
	props   object
	configs []json.RawMessage
}

// Floating is a floating IP with its IP configuration.
type Floating struct {
	Addr   netip.Addr
	Config json.RawMessage
	at     int // its place in the NIC that it was read from
}

// ParseNIC reads a NIC's body. fips are the site's floating IPs: one, or more
// while a change of it is under way.
func ParseNIC(body []byte, fips ...netip.Addr) (n *NIC, err error) {
	if !json.Valid(body) {
		return nil, errors.New("nic: the answer is no JSON")
	}
	n = &NIC{}
	if n.top, err = members(body, "the body"); err != nil {
		return nil, err
	}
	if n.props, err = members(n.top.get("properties"), "properties"); err != nil {
		return nil, err
	}
	if n.configs, err = items(n.props.get("ipConfigurations"), "properties.ipConfigurations"); err != nil {
		return nil, err
	}
	if raw := n.top.get("tags"); len(raw) > 0 {
		if n.tags, err = members(raw, "tags"); err != nil {
			return nil, err
		}
	}
	n.ETag, n.State = text(n.top.get("etag")), text(n.props.get("provisioningState"))
	if n.ETag == "" {
		return nil, fmt.Errorf("nic: no etag in the answer")
	}
	tag := text(n.tags.get(site.ClaimTag))
	claim, err := site.ParseClaim(tag)
	if err != nil {
		n.BadTag = tag
	}
	n.Claim = claim
	return n, n.find(fips)
}

// find looks for the floating IPs. Of two configurations with one address, which
// Azure doesn't allow, the first one counts.
func (n *NIC) find(fips []netip.Addr) error {
	for i, raw := range n.configs {
		if len(n.Floating) == len(fips) {
			break
		}
		props, err := properties(raw)
		if err != nil {
			return fmt.Errorf("%w, in ipConfigurations[%d]", err, i)
		}
		addr, err := netip.ParseAddr(text(props.fold("privateIPAddress")))
		if err == nil && slices.Contains(fips, addr) && !n.Holds(addr) {
			n.Floating = append(n.Floating, Floating{addr, raw, i})
		}
	}
	return nil
}

// properties are those of an item of a resource's list, if it has any.
func properties(item json.RawMessage) (object, error) {
	top, err := members(item, "an item")
	props := top.fold("properties")
	if err != nil || len(props) == 0 {
		return nil, err
	}
	return members(props, "its properties")
}

// HasFIP reports whether a floating IP is on this NIC.
func (n *NIC) HasFIP() bool { return len(n.Floating) > 0 }

// Holds reports whether this one is.
func (n *NIC) Holds(addr netip.Addr) bool { return find(n.Floating, addr) != nil }

// find is the one of the list that has the address, or nil.
func find(list []Floating, addr netip.Addr) *Floating {
	for i := range list {
		if list[i].Addr == addr {
			return &list[i]
		}
	}
	return nil
}

// failed is the provisioningState of a NIC whose last update Azure couldn't
// carry out: the NIC shows what was asked for, the data plane does not have it.
const failed = "Failed"

// Settled reports whether no operation is under way.
func (n *NIC) Settled() bool { return n.State == "Succeeded" || n.State == failed }

// Body is the whole NIC for a PUT, with the claim in its tag and the floating
// IPs of want and no other on it: those that are there stay as they are, the
// others get the configuration that want has. All else is as read.
func (n *NIC) Body(claim site.Claim, want []Floating) []byte {
	tags := n.tags.with(site.ClaimTag, quoted(claim.String()))
	configs := make([]json.RawMessage, 0, len(n.configs)+len(want))
	for i, config := range n.configs {
		if f := n.floatingAt(i); f == nil || find(want, f.Addr) != nil {
			configs = append(configs, config)
		}
	}
	for _, f := range want {
		if !n.Holds(f.Addr) {
			configs = append(configs, f.Config)
		}
	}
	props := n.props.with("ipConfigurations", list(configs))
	if slip.Is(slip.RebuiltNIC) {
		props = props.without("networkSecurityGroup")
	}
	return n.top.with("tags", tags.join()).with("properties", props.join()).join()
}

// readOnly are the properties that Azure writes itself (azure.md section 1):
// they differ between two reads of a NIC that nobody has changed.
var readOnly = []string{"etag", "provisioningState"}

// SameRest reports whether two reads differ in nothing that anybody else cares
// about: neither in what is ours (the claim's tag, the floating IP's
// configuration) nor in what only Azure writes.
func (n *NIC) SameRest(o *NIC) bool {
	return same(n.top, o.top, append(readOnly, "tags", "properties")) &&
		same(n.tags, o.tags, []string{site.ClaimTag}) &&
		same(n.props, o.props, append(readOnly, "ipConfigurations")) &&
		slices.EqualFunc(n.others(), o.others(), alike)
}

func same(a, b object, but []string) bool {
	a, b = a.without(but...), b.without(but...)
	return len(a) == len(b) && !slices.ContainsFunc(a, func(m member) bool { return !alike(m.value, b.get(string(m.name))) })
}

// alike: written the same way, or meaning the same.
func alike(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || b != nil && bytes.Equal(canonical(a, readOnly), canonical(b, readOnly))
}

// others are the configurations that aren't a floating IP's.
func (n *NIC) others() []json.RawMessage {
	others := make([]json.RawMessage, 0, len(n.configs))
	for i, config := range n.configs {
		if n.floatingAt(i) == nil {
			others = append(others, config)
		}
	}
	return others
}

// floatingAt is the floating IP of a configuration, or nil if it is another's.
func (n *NIC) floatingAt(at int) *Floating {
	for i := range n.Floating {
		if n.Floating[i].at == at {
			return &n.Floating[i]
		}
	}
	return nil
}

func text(raw json.RawMessage) string { return strings.TrimSpace(string(unquoted(raw))) }
