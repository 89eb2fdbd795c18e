// Package input reads what people and programs write of addresses and times, for the
// API and the pages alike, and keeps what is wrong with it.
package input

import (
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// Reader reads several inputs; its zero value is ready.
type Reader struct{ faults []site.Fault }

func (r *Reader) wrong(field string, rule site.Rule, format string, args ...any) {
	r.faults = append(r.faults, site.Fault{Field: field, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// Addr reads an IPv4 address; "" is none.
func (r *Reader) Addr(field, text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		r.wrong(field, "address", "%q isn't an IPv4 address", text)
		return netip.Addr{}
	}
	return a
}

// Span reads a time; "" is 0, which is left out, and a 0 that is written is none.
func (r *Reader) Span(field string, text *string) *time.Duration {
	if text == nil {
		return nil
	}
	if *text == "" {
		return new(time.Duration)
	}
	d, err := time.ParseDuration(*text)
	if err != nil || d == 0 {
		r.wrong(field, site.RuleTimer, "%s %q isn't a time such as 200ms or 10s", field, *text)
		return nil
	}
	return &d
}

// Subnet has no host bits, or it is refused: somebody meant another.
func (r *Reader) Subnet(field, text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !p.Addr().Is4():
		r.wrong(field, "subnet", "%q isn't an IPv4 subnet, such as 10.0.1.0/24", text)
	case p != p.Masked():
		r.wrong(field, "subnet", "%s is an address within the subnet %s", p, p.Masked())
	default:
		return p
	}
	return netip.Prefix{}
}

// Err refuses what couldn't be read.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.Invalid, Field: r.faults[0].Field, Message: r.faults[0].Message, Faults: r.faults}
}
