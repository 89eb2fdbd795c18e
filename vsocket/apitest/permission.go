package apitest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"releve.dev/releve/core/steer"
)

// need is what the identity must be allowed at one scope.
type need struct {
	scope   string
	actions []string
}

// needs is the least that moving the floating IP takes: reading and writing
// both NICs, and joining whatever a written NIC refers to, since ARM checks the
// references of a PUT (azure.md, least privilege; D12).
func (t *test) needs() []need {
	var all []need
	add := func(scope string, actions ...string) {
		for i := range all {
			if strings.EqualFold(all[i].scope, scope) {
				return
			}
		}
		n := need{scope: scope}
		for _, action := range actions {
			n.actions = append(n.actions, "Microsoft.Network/"+action)
		}
		all = append(all, n)
	}
	for _, target := range []steer.Target{steer.OwnNIC, steer.PeerNIC} {
		add(t.ARM.ID(target), "networkInterfaces/read", "networkInterfaces/write")
	}
	add(t.Subnet, "virtualNetworks/subnets/join/action")
	for _, nic := range []*nic{t.own, t.peer} {
		if nic != nil {
			nic.joins(add)
		}
	}
	return all
}

// joins tells what the NIC refers to.
func (n *nic) joins(add func(scope string, actions ...string)) {
	one := func(r *reference, action string) {
		if r != nil {
			add(r.ID, action)
		}
	}
	each := func(all []reference, action string) {
		for _, r := range all {
			add(r.ID, action)
		}
	}
	one(n.Properties.NSG, "networkSecurityGroups/join/action")
	for _, config := range n.Properties.Configs {
		p := config.Properties
		one(p.Subnet, "virtualNetworks/subnets/join/action")
		one(p.Public, "publicIPAddresses/join/action")
		each(p.ASGs, "applicationSecurityGroups/joinIpConfiguration/action")
		each(p.Pools, "loadBalancers/backendAddressPools/join/action")
		each(p.NATRules, "loadBalancers/inboundNatRules/join/action")
	}
}

func (t *test) permissions(ctx context.Context) Step {
	var missing, hints []string
	checked, actions := 0, 0
	unseen := ""
	for _, need := range t.needs() {
		granted, response := t.ARM.Permissions(ctx, need.scope, readTimeout)
		switch {
		case response.Status == http.StatusForbidden:
			unseen = need.scope
			continue
		case !response.OK():
			return t.refused(response, need.scope)
		}
		checked++
		actions += len(need.actions)
		lacking := slices.DeleteFunc(need.actions, granted.Allows)
		if len(lacking) > 0 {
			missing = append(missing, strings.Join(lacking, " and ")+" on "+need.scope)
			hints = append(hints, t.grant(strings.Join(lacking, " and "), need.scope))
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
