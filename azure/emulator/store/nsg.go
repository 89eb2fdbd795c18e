package store

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

var nsgKind = new(kind)

func init() {
	register(nsgKind, kind{
		name: "Microsoft.Network/networkSecurityGroups", class: profile.Routes, etag: true, tracked: true, putName: "PutNetworkSecurityGroupOperation",
		readOnly: []string{"defaultSecurityRules", "networkInterfaces", "subnets", "flowLogs"},
		accept:   acceptNSG, derive: deriveNSG, parse: parseNSG, links: nsgLinks, inUse: nsgInUse,
	})
}

var ruleKind = new(kind)

func init() {
	register(ruleKind, kind{
		name:   "Microsoft.Network/networkSecurityGroups/securityRules",
		inside: &inside{parent: "Microsoft.Network/networkSecurityGroups", list: "securityRules"},
	})
}

var defaultRuleKind = new(kind)

func init() {
	register(defaultRuleKind, kind{
		name:   "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
		inside: &inside{parent: "Microsoft.Network/networkSecurityGroups", list: "defaultSecurityRules", readOnly: true},
	})
}

// nsgForm is a security group as the data plane needs it, Azure's default
// rules included.
type nsgForm struct{ inbound, outbound []ruleForm }

// ruleForm keeps service tags and application security groups by name: what
// they stand for differs from NIC to NIC.
type ruleForm struct {
	name               string
	priority           int
	allow              bool
	proto              uint8
	src, dst           []string // "*" and CIDRs and tags
	srcASG, dstASG     []string // keys
	srcPorts, dstPorts []plane.PortRange
}

// Priorities that users may give.
const (
	lowestPriority  = 100
	highestPriority = 4096
)

var protocols = map[string]uint8{"*": 0, "tcp": 6, "udp": 17, "icmp": 1, "esp": 50, "ah": 51}

func acceptNSG(_ *Store, w *write) *Error {
	if _, e := ensureProperties(w); e != nil {
		return e
	}
	items, e := prepareItems(w, "securityRules")
	if e != nil {
		return e
	}
	seen := map[string]string{}
	for _, item := range items {
		name := tree.Text(item, "name")
		rule, inbound, e := parseRule(item)
		if e != nil {
			return e
		}
		if rule.priority < lowestPriority || rule.priority > highestPriority {
			return bad("SecurityRuleInvalidPriority", "Security rule %s has invalid priority %d. Value must be between %d and %d.",
				name, rule.priority, lowestPriority, highestPriority)
		}
		place := strconv.FormatBool(inbound) + strconv.Itoa(rule.priority)
		if other, taken := seen[place]; taken {
			return bad("SecurityRuleConflict", "Security rule %s conflicts with rule %s. Rules cannot have the same Priority and Direction.", name, other)
		}
		seen[place] = name
	}
	return nil
}

func parseRule(item tree.Object) (rule ruleForm, inbound bool, e *Error) {
	p := tree.Sub(item, "properties")
	rule.name = tree.Text(item, "name")
	number, _ := tree.Get(p, "priority").(json.Number)
	priority, err := strconv.Atoi(number.String())
	if err != nil {
		return rule, false, bad("SecurityRulePriorityRequired", "Security rule %s has no priority.", rule.name)
	}
	rule.priority = priority
	direction, access := strings.ToLower(tree.Text(p, "direction")), strings.ToLower(tree.Text(p, "access"))
	if direction != "inbound" && direction != "outbound" || access != "allow" && access != "deny" {
		return rule, false, bad("SecurityRuleInvalidParameter", "Security rule %s needs a direction (Inbound or Outbound) and an access (Allow or Deny).", rule.name)
	}
	rule.allow = access == "allow"
	proto, known := protocols[strings.ToLower(tree.Text(p, "protocol"))]
	if !known {
		return rule, false, bad("SecurityRuleInvalidProtocol", "Security rule %s has invalid protocol %q.", rule.name, tree.Text(p, "protocol"))
	}
	rule.proto = proto
	var e1, e2, e3, e4 *Error
	rule.src, rule.srcASG, e1 = ruleEnds(p, "source")
	rule.dst, rule.dstASG, e2 = ruleEnds(p, "destination")
	rule.srcPorts, e3 = rulePorts(p, "source")
	rule.dstPorts, e4 = rulePorts(p, "destination")
	for _, e := range []*Error{e1, e2, e3, e4} {
		if e != nil {
			return rule, false, e
		}
	}
	return rule, direction == "inbound", nil
}

func ruleEnds(p tree.Object, end string) (texts, asgs []string, e *Error) {
	texts = tree.Texts(p, end+"AddressPrefixes")
	if one := tree.Text(p, end+"AddressPrefix"); one != "" {
		texts = append(texts, one)
	}
	for _, asg := range tree.Objects(p, end+"ApplicationSecurityGroups") {
		asgs = append(asgs, strings.ToLower(tree.Text(asg, "id")))
	}
	if len(texts)+len(asgs) == 0 {
		return nil, nil, bad("SecurityRuleParameterNotSpecified", "Required security rule parameters are missing: %sAddressPrefix.", end)
	}
	for _, text := range texts {
		first := text[0]
		if first < '0' || first > '9' {
			continue // a service tag or "*"
		}
		if _, ok := addressOrPrefix(text); !ok {
			return nil, nil, bad("SecurityRuleInvalidAddressPrefix", "Security rule has invalid Address prefix. Value provided: %s", text)
		}
	}
	return texts, asgs, nil
}

func addressOrPrefix(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil && p.Addr().Is4() {
		return p.Masked(), true
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		return netip.PrefixFrom(a, 32), true
	}
	return netip.Prefix{}, false
}

func rulePorts(p tree.Object, end string) ([]plane.PortRange, *Error) {
	texts := tree.Texts(p, end+"PortRanges")
	if one := tree.Text(p, end+"PortRange"); one != "" {
		texts = append(texts, one)
	}
	var out []plane.PortRange
	for _, text := range texts {
		if text == "*" {
			return nil, nil
		}
		low, high, isRange := strings.Cut(text, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.ParseUint(low, 10, 16)
		to, err2 := strconv.ParseUint(high, 10, 16)
		if err1 != nil || err2 != nil || to < from {
			return nil, bad("SecurityRuleInvalidPortRange", "Security rule has invalid Port range. Value provided: %s. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535.", text)
		}
		out = append(out, plane.PortRange{From: uint16(from), To: uint16(to)})
	}
	return out, nil
}

// defaultRules are those of every group (azure.md section 5).
func defaultRules() []tree.Object {
	rule := func(name, access, direction, src, dst string, priority int) tree.Object {
		return tree.Object{"name": name, "properties": tree.Object{
			"protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*",
			"sourceAddressPrefix": src, "destinationAddressPrefix": dst,
			"access": access, "priority": json.Number(strconv.Itoa(priority)), "direction": direction,
		}}
	}
	return []tree.Object{
		rule("AllowVnetInBound", "Allow", "Inbound", "VirtualNetwork", "VirtualNetwork", 65000),
		rule("AllowAzureLoadBalancerInBound", "Allow", "Inbound", "AzureLoadBalancer", "*", 65001),
		rule("DenyAllInBound", "Deny", "Inbound", "*", "*", 65500),
		rule("AllowVnetOutBound", "Allow", "Outbound", "VirtualNetwork", "VirtualNetwork", 65000),
		rule("AllowInternetOutBound", "Allow", "Outbound", "*", "Internet", 65001),
		rule("DenyAllOutBound", "Deny", "Outbound", "*", "*", 65500),
	}
}

func parseNSG(_ *Store, _ *resource, doc tree.Object) any {
	form := &nsgForm{}
	for _, item := range append(tree.Objects(doc, "properties", "securityRules"), defaultRules()...) {
		rule, inbound, e := parseRule(item)
		if e != nil {
			continue
		}
		if inbound {
			form.inbound = insertRule(form.inbound, rule)
		} else {
			form.outbound = insertRule(form.outbound, rule)
		}
	}
	return form
}

func insertRule(list []ruleForm, rule ruleForm) []ruleForm {
	i := len(list)
	for i > 0 && list[i-1].priority > rule.priority {
		i--
	}
	list = append(list, ruleForm{})
	copy(list[i+1:], list[i:])
	list[i] = rule
	return list
}

func deriveNSG(s *Store, r *resource, properties tree.Object) {
	deriveItems(r, properties, "securityRules", ruleKind.name, nil)
	defaults := make([]any, 0, 6)
	for _, rule := range defaultRules() {
		defaults = append(defaults, rule)
	}
	properties["defaultSecurityRules"] = defaults
	deriveItems(r, properties, "defaultSecurityRules", defaultRuleKind.name, nil)
	var nics []any
	for _, user := range s.sorted {
		if form, ok := user.form.(*nicForm); ok && form.nsg == r.key {
			nics = append(nics, tree.Object{"id": user.id})
		}
	}
	if nics != nil {
		properties["networkInterfaces"] = nics
	}
	if subnets := s.subnetsWith(func(sub *subnetForm) bool { return sub.nsg == r.key }); subnets != nil {
		properties["subnets"] = subnets
	}
}

// subnetsWith lists the ids of the subnets that pick takes.
func (s *Store) subnetsWith(pick func(*subnetForm) bool) []any {
	var out []any
	for _, r := range s.sorted {
		form, ok := r.form.(*vnetForm)
		if !ok {
			continue
		}
		for i := range form.subnets {
			if pick(&form.subnets[i]) {
				out = append(out, tree.Object{"id": r.id + "/subnets/" + form.subnets[i].name})
			}
		}
	}
	return out
}

// nsgLinks are the application security groups that rules name.
func nsgLinks(doc tree.Object) []link {
	var out []link
	for _, item := range tree.Objects(doc, "properties", "securityRules") {
		for _, end := range []string{"source", "destination"} {
			for _, asg := range tree.Objects(item, "properties", end+"ApplicationSecurityGroups") {
				out = append(out, link{"Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action", tree.Text(asg, "id")})
			}
		}
	}
	return out
}

func nsgInUse(s *Store, r *resource) *Error {
	if user := s.user(r.key); user != nil {
		return bad("InUseNetworkSecurityGroupCannotBeDeleted",
			"Network security group %s cannot be deleted because it is in use by the following resources: %s. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg.", r.id, user.id)
	}
	return nil
}
