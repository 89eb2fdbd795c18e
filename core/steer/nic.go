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
	ETag    string
	State   string // provisioningState: Succeeded, Updating, Failed
	Claim   site.Claim
	BadTag  string // the claim tag's value, if it is no claim
	FIP     json.RawMessage
	top     object
	tags    object
	props   object
	configs []json.RawMessage
	at      int // of the floating IP among configs, -1 if it isn't there
}

// ParseNIC reads a NIC's body. fip is the floating IP.
func ParseNIC(body []byte, fip netip.Addr) (n *NIC, err error) {
	if !json.Valid(body) {
		return nil, errors.New("nic: the answer is no JSON")
	}
	n = &NIC{at: -1}
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
	return n, n.findFIP(fip)
}

func (n *NIC) findFIP(fip netip.Addr) error {
	for i, raw := range n.configs {
		props, err := properties(raw)
		if err != nil {
			return fmt.Errorf("%w, in ipConfigurations[%d]", err, i)
		}
		if addr, err := netip.ParseAddr(text(props.fold("privateIPAddress"))); err == nil && addr == fip {
			n.at, n.FIP = i, raw
			return nil
		}
	}
	return nil
}

// properties are those of an IP configuration, if it has any.
func properties(config json.RawMessage) (object, error) {
	top, err := members(config, "an IP configuration")
	props := top.fold("properties")
	if err != nil || len(props) == 0 {
		return nil, err
	}
	return members(props, "its properties")
}

// HasFIP reports whether the floating IP is on this NIC.
func (n *NIC) HasFIP() bool { return n.at >= 0 }

// failed is the provisioningState of a NIC whose last update Azure couldn't
// carry out: the NIC shows what was asked for, the data plane does not have it.
const failed = "Failed"

// Settled reports whether no operation is under way.
func (n *NIC) Settled() bool { return n.State == "Succeeded" || n.State == failed }

// Body is the whole NIC for a PUT, with the claim in its tag and the floating
// IP's configuration fip, or without one if fip is nil. All else is as read.
func (n *NIC) Body(claim site.Claim, fip json.RawMessage) []byte {
	tags := n.tags.with(site.ClaimTag, quoted(claim.String()))
	configs := n.configs
	switch {
	case fip == nil:
		configs = n.others()
	case n.at < 0:
		configs = append(slices.Clip(configs), fip)
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

// others are the configurations without the floating IP's.
func (n *NIC) others() []json.RawMessage {
	if n.at < 0 {
		return n.configs
	}
	return slices.Delete(slices.Clone(n.configs), n.at, n.at+1)
}

// carried is a floating IP's configuration made fit for another NIC: what its
// owner set stays, what Azure derived from the old NIC goes.
func carried(config json.RawMessage) json.RawMessage {
	top, err := members(config, "the floating IP's configuration")
	if err != nil {
		return nil
	}
	props, err := members(top.get("properties"), "its properties")
	if err != nil {
		return nil
	}
	props = props.without("provisioningState", "primary")
	return top.without("id", "etag", "type").with("properties", props.join()).join()
}

// fits reports whether a kept configuration is of this floating IP in this
// subnet: the settings may have changed since.
func fits(config string, fip netip.Addr, subnet string) bool {
	var c struct {
		Properties struct {
			Address string `json:"privateIPAddress"`
			Subnet  struct {
				ID string `json:"id"`
			} `json:"subnet"`
		} `json:"properties"`
	}
	if config == "" || json.Unmarshal([]byte(config), &c) != nil {
		return false
	}
	addr, err := netip.ParseAddr(c.Properties.Address)
	return err == nil && addr == fip && strings.EqualFold(c.Properties.Subnet.ID, subnet)
}

// FreshConfig is the floating IP's configuration where none was seen to carry
// over. Its application security groups are the own primary configuration's,
// as Azure wants them the same on all configurations of a NIC.
func (n *NIC) freshConfig(name string, fip netip.Addr, subnet string) json.RawMessage {
	props := object{}.
		with("privateIPAddress", quoted(fip.String())).
		with("privateIPAllocationMethod", quoted("Static")).
		with("privateIPAddressVersion", quoted("IPv4")).
		with("subnet", object{}.with("id", quoted(subnet)).join())
	if groups := n.primaryGroups(); groups != nil {
		props = props.with("applicationSecurityGroups", groups)
	}
	return object{}.with("name", quoted(name)).with("properties", props.join()).join()
}

func (n *NIC) primaryGroups() json.RawMessage {
	for _, raw := range n.configs {
		if props, err := properties(raw); err == nil && string(props.get("primary")) == "true" {
			return props.get("applicationSecurityGroups")
		}
	}
	return nil
}

func text(raw json.RawMessage) string { return strings.TrimSpace(string(unquoted(raw))) }
