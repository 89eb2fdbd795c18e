package site

import "fmt"

// Fault is one breach of a rule on addresses (E6) or HA settings (E7).
type Fault struct {
	Field   string `json:"field"`   // which input: native, primary_ip, secondary_ip, floating_ip, or a range's, by its place: ranges[0].gateway
	Rule    Rule   `json:"rule"`    // for programs
	Message string `json:"message"` // names the rule and the address, for people
}

func (f *Fault) Error() string { return f.Message }

// Rule names a rule, for programs.
type Rule string

// The rules. Azure's are those of a VNet's subnets; the others are ours.
const (
	RuleIPv4       Rule = "ipv4"             // nothing else yet
	RuleHostBits   Rule = "host-bits"        // a prefix is written by its first address
	RuleSize       Rule = "size"             // Azure's subnets are /2 to /29; a range is no /0, /31 or /32
	RuleSpecial    Rule = "special"          // multicast, loopback, link-local, Azure's own, the tunnels'
	RuleOutside    Rule = "outside"          // an address is in the native range
	RuleReserved   Rule = "reserved"         // Azure's own in each subnet
	RuleDuplicate  Rule = "duplicate"        // an address, a prefix or a name is given once
	RuleManagement Rule = "floating-ip"      // the floating IP is nobody's management IP
	RuleOwn        Rule = "gateway-is-own"   // a next hop is another machine
	RuleRouter     Rule = "default-router"   // the Azure default router is meant by leaving the gateway out
	RuleInside     Rule = "inside-native"    // no routed range within the native range
	RuleOverlap    Rule = "other-site"       // an address belongs to one site of an account
	RuleName       Rule = "name"             // 1 to 64 characters
	RuleTogether   Rule = "secondary-and-ha" // a secondary and a floating IP come together
	RuleTimer      Rule = "timer"            // of high availability: its bounds, and 3 keepalives
	RuleChoice     Rule = "choice"           // one of a few words
)

func fault(r Rule, format string, args ...any) *Fault {
	return &Fault{Rule: r, Message: fmt.Sprintf(format, args...)}
}
