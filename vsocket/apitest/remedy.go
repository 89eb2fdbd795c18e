package apitest

import (
	"errors"
	"fmt"
	"net/http"

	"releve.dev/releve/azure/imds"
	"releve.dev/releve/core/steer"
)

// metadataFailed words a failure of IMDS.
func (t *test) metadataFailed(err error) Step {
	step := Step{Result: Failed, Detail: err.Error()}
	switch {
	case errors.Is(err, imds.ErrIdentity):
		step.Problem = ProblemAccess
		step.Hints = t.assignIdentity()
	case errors.Is(err, imds.ErrNoInterface):
		step.Problem = ProblemNIC
		step.Hints = []string{"name the LAN NIC's own address, as Azure has it, in interfaces.lan.address"}
	case errors.Is(err, imds.ErrBusy):
		step.Problem = ProblemAccess
		step.Hints = []string{"wait a minute and run the test again: Azure is updating the metadata service or the identity"}
	default:
		step.Problem = ProblemAccess
		step.Hints = []string{"the VM's primary NIC must reach the metadata service without a proxy: check azure.imds and the guest's route to it"}
	}
	return step
}

// refused words an answer of ARM that is no success. scope is what was asked for.
func (t *test) refused(r steer.Response, scope string) Step {
	step := Step{Result: Failed, Detail: r.Code + ": " + r.Message}
	switch {
	case r.Code == steer.NoToken:
		step.Problem = ProblemAccess
		step.Hints = t.assignIdentity()
	case r.Status == 0:
		step.Problem = ProblemNetwork
		step.Hints = []string{fmt.Sprintf("the MGMT interface needs DNS and TCP port 443 to %s: check its route, its NSG and azure.endpoint", t.Endpoint)}
	case r.Status == http.StatusUnauthorized:
		step.Problem = ProblemAccess
		step.Hints = append([]string{"Azure doesn't accept the token: check azure.audience, and that the identity is in the subscription's tenant"}, t.assignIdentity()...)
	case r.Status == http.StatusForbidden:
		step.Problem = ProblemAccess
		action := r.Action
		if r.Scope != "" {
			scope = r.Scope
		}
		if action != "" {
			step.Detail = fmt.Sprintf("%s: the identity may not do %s on %s", r.Code, action, scope)
		}
		step.Hints = []string{t.grant(action, scope), "a new role assignment takes up to ten minutes to be in force"}
	case r.Status == http.StatusNotFound:
		step.Problem = ProblemNIC
		step.Hints = []string{fmt.Sprintf("%s doesn't exist: correct the section azure, or the subscription", scope)}
	case r.Status == http.StatusTooManyRequests || r.Status >= 500:
		step.Problem = ProblemNetwork
		step.Hints = []string{"Azure is busy: run the test again in a minute"}
	default:
		step.Problem = ProblemNIC
		step.Hints = []string{"Azure refuses the NIC as it is; its message names the setting"}
	}
	return step
}

func (t *test) identity() string {
	if t.ClientID != "" {
		return t.ClientID
	}
	return "CLIENT_ID"
}

// assignIdentity is the way to an identity that the VM has.
func (t *test) assignIdentity() []string {
	group, _ := groupAndName(t.ARM.ID(steer.OwnNIC))
	hints := []string{fmt.Sprintf("assign the user-assigned identity to this VM: az vm identity assign --resource-group %s --name VM --identities IDENTITY", group)}
	if t.ClientID == "" {
		return append(hints, "name its client id in azure.client_id")
	}
	return append(hints, fmt.Sprintf("check that azure.client_id (%s) is its client id, not its object id", t.ClientID))
}

// grant is the way to a missing action.
func (t *test) grant(action, scope string) string {
	what := "a role with what is missing"
	if action != "" {
		what = "a role with " + action
	}
	return fmt.Sprintf("assign %s, for example: az role assignment create --assignee %s --role \"Network Contributor\" --scope %s",
		what, t.identity(), scope)
}
