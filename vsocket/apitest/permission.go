package apitest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/doctor"
)

// needs is the least that moving the floating IP takes: both NICs, and whatever a
// written NIC refers to (doctor knows the list).
func (t *test) needs() []doctor.Need {
	facts := &doctor.Facts{}
	for i, target := range []steer.Target{steer.OwnNIC, steer.PeerNIC} {
		facts.Members[i].LAN = []*doctor.NIC{t.own, t.peer}[i]
		if facts.Members[i].LAN == nil {
			facts.Members[i].LAN = &doctor.NIC{ID: t.ARM.ID(target), Configs: []doctor.IPConfig{{Subnet: t.Subnet}}}
		}
	}
	return doctor.IdentityNeeds(facts)
}

func (t *test) permissions(ctx context.Context) Step {
	var missing, hints []string
	checked, actions := 0, 0
	unseen := ""
	for _, need := range t.needs() {
		granted, response := t.ARM.Permissions(ctx, need.Scope, readTimeout)
		switch {
		case response.Status == http.StatusForbidden:
			unseen = need.Scope
			continue
		case !response.OK():
			return t.refused(response, need.Scope)
		}
		checked++
		actions += len(need.Actions)
		lacking := slices.DeleteFunc(slices.Clone(need.Actions), granted.Allows)
		if len(lacking) > 0 {
			missing = append(missing, strings.Join(lacking, " and ")+" on "+need.Scope)
			hints = append(hints, t.grant(strings.Join(lacking, " and "), need.Scope))
		}
	}
	switch {
	case len(missing) > 0:
		return Step{Result: Failed, Problem: ProblemAccess, Detail: "missing: " + strings.Join(missing, "; "), Hints: hints}
	case unseen != "":
		return Step{Result: Unknown, Detail: "the identity may not list its permissions on " + unseen + "; the write shows those that count"}
	}
	return Step{Result: OK, Detail: fmt.Sprintf("%d actions on %d resources, none missing", actions, checked)}
}

func sortedKeys(a, b map[string]any) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
