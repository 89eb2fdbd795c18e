package doctor

import (
	"cmp"
	"slices"
)

// Severity of a finding.
type Severity string

// The severities. An Error keeps HA from working, now or at the next failover; a
// Warning may; a Note is worth knowing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

var weight = map[Severity]int{Error: 0, Warning: 1, Note: 2}

// Finding is one thing that is wrong.
type Finding struct {
	Code     string   `json:"code"` // stable, for machines: "nic-forwarding"
	Severity Severity `json:"severity"`
	What     string   `json:"what"`
	Where    string   `json:"where"` // resource id, or which guest
	Why      string   `json:"why"`
	Setup    bool     `json:"setup,omitempty"`    // `releve azure ha` itself mends it
	Remedies []Remedy `json:"remedies,omitempty"` // what mends it, in order
}

// Examine judges a site: the worst first, and what is on the primary before what
// is on the secondary. Nothing wrong: nil.
func Examine(f *Facts) []Finding {
	e := &examination{Facts: f}
	if e.signIn() {
		for _, rule := range rules {
			rule(e)
		}
	}
	for i := range e.found {
		for j := range e.found[i].Remedies {
			e.found[i].Remedies[j].write()
		}
	}
	slices.SortStableFunc(e.found, func(a, b Finding) int { return cmp.Compare(weight[a.Severity], weight[b.Severity]) })
	return e.found
}

// Blocking are the findings that keep `releve azure ha` from beginning: errors
// that it doesn't mend itself.
func Blocking(found []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return f.Severity != Error || f.Setup })
}

type examination struct {
	*Facts
	found []Finding
}

func (e *examination) add(f Finding) { e.found = append(e.found, f) }

// has reports whether one of these was found already: what follows from it isn't
// told again.
func (e *examination) has(codes ...string) bool {
	return slices.ContainsFunc(e.found, func(f Finding) bool { return slices.Contains(codes, f.Code) })
}

// rules judge what there is, each a part of it. Causes come before what follows
// from them.
var rules = []func(*examination){
	(*examination).unseen, (*examination).callerRights, (*examination).locks,
	(*examination).vms, (*examination).redundancy, (*examination).alike, (*examination).extensions,
	(*examination).nics, (*examination).publicAddresses, (*examination).addresses,
	(*examination).identities, (*examination).roles, (*examination).denies,
	(*examination).guards, (*examination).dns, (*examination).routes,
	(*examination).floating,
	(*examination).guestNetwork, (*examination).guestAzure, (*examination).guestClock,
	(*examination).versions, (*examination).guestConfig, (*examination).masters,
}
