package apitest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/core/steer"
)

// routes looks whether this vSocket could lead the VNet's route tables to another
// floating IP itself (docs/manager.md, "Another floating IP"). A failover doesn't
// need it, so what is missing fails nothing: it is named, with its scope.
func (t *test) routes(ctx context.Context) Step {
	vnet := t.Subnet[:max(0, strings.LastIndex(strings.ToLower(t.Subnet), "/subnets/"))]
	byHand := Step{Result: Unknown, Hints: []string{"a failover doesn't need it; when the floating IP is changed, a person changes the routes"}}
	answer := t.ARM.Do(ctx, steer.Request{Op: steer.Get, Target: steer.Network, Name: vnet, Timeout: readTimeout})
	if !answer.OK() {
		if answer.Action != "" {
			byHand.Detail = fmt.Sprintf("the identity may not do %s on %s", answer.Action, answer.Scope)
		} else {
			byHand.Detail = answer.Code + ": " + answer.Message
		}
		return byHand
	}
	tables, err := routeTables(answer.Body)
	if err != nil {
		byHand.Detail = err.Error()
		return byHand
	}
	var missing []string
	for _, table := range tables {
		granted, answer := t.ARM.Permissions(ctx, table, readTimeout)
		if !answer.OK() {
			missing = append(missing, "the rights on "+table+" can't be listed ("+answer.Code+")")
			continue
		}
		for _, action := range []string{"Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/routes/write"} {
			if !granted.Allows(action) {
				missing = append(missing, action+" on "+table)
			}
		}
	}
	if len(missing) > 0 {
		byHand.Detail = "missing: " + strings.Join(missing, "; ")
		return byHand
	}
	return Step{Result: OK, Detail: fmt.Sprintf("%d in the VNet, which this vSocket may read and change", len(tables))}
}

// routeTables are those on a VNet's subnets, each once.
func routeTables(vnet []byte) ([]string, error) {
	var d struct {
		Properties struct {
			Subnets []struct {
				Properties struct {
					Table struct{ ID string } `json:"routeTable"`
				}
			}
		}
	}
	if err := json.Unmarshal(vnet, &d); err != nil {
		return nil, fmt.Errorf("the answer is no VNet: %w", err)
	}
	var tables []string
	for _, subnet := range d.Properties.Subnets {
		if id := subnet.Properties.Table.ID; id != "" && !slices.Contains(tables, id) {
			tables = append(tables, id)
		}
	}
	return tables, nil
}
