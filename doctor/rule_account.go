package doctor

import (
	"fmt"
	"strings"
)

// signIn judges whether ARM can be asked at all; if not, nothing else is known.
func (e *examination) signIn() bool {
	c := &e.Caller
	person := func(code, what, why, act string) bool {
		if c.Detail != "" {
			what += ": " + c.Detail
		}
		e.add(Finding{Code: code, Severity: Error, What: what, Where: "/subscriptions/" + e.Wanted.Subscription, Why: why,
			Remedies: []Remedy{{Person: act}}})
		return false
	}
	switch c.Problem {
	case SignInExpired:
		return person("sign-in-expired", "the sign-in to Azure has expired", "nothing can be asked of Azure, nor set up", "sign in again: az login")
	case SignInTenant:
		return person("sign-in-tenant", "the sign-in is of another tenant than the subscription's", "Azure answers only the subscription's own tenant",
			"sign in at the subscription's tenant: az login --tenant "+orWord(c.Subscription.Tenant, "TENANT"))
	case SignInSubscription:
		return person("subscription", "the subscription isn't there, or this sign-in may not see it", "everything of the site is in it",
			"name the right subscription (--subscription; az account list shows yours), or have its owner give you a role in it")
	case SignInUnanswered:
		return person("arm-unanswered", "Azure Resource Manager wasn't reached", "nothing can be asked of Azure", "check this machine's way to "+orWord(e.Wanted.Endpoint, "https://management.azure.com")+", its proxy and DNS")
	}
	if s := c.Subscription.State; s != "" && s != "Enabled" {
		e.add(Finding{Code: "subscription-state", Severity: Error, What: "the subscription is " + s, Where: "/subscriptions/" + c.Subscription.ID,
			Why: "Azure refuses changes in it, a move of the floating IP too", Remedies: []Remedy{{Person: "reactivate the subscription in the portal: Subscriptions > Overview > Reactivate"}}})
	}
	return true
}

func orWord(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// unseen: what couldn't be looked at isn't fine.
func (e *examination) unseen() {
	all := e.Unseen
	for _, g := range e.Guests {
		if g != nil {
			all = append(all[:len(all):len(all)], g.Unseen...)
		}
	}
	for _, u := range all {
		e.add(Finding{Code: "unseen", Severity: Warning, What: u.What + " couldn't be looked at: " + u.Why, Where: u.Where,
			Why: "what is wrong there isn't found", Remedies: []Remedy{{Person: "mend what keeps it from being read, and run the doctor again"}}})
	}
}

// callerRights is D10: Owner, on both groups where there are two, and with PIM
// the role activated.
func (e *examination) callerRights() {
	for _, need := range CallerNeeds(e.Wanted) {
		rights := e.Caller.Rights[strings.ToLower(need.Scope)]
		if rights == nil {
			continue // unseen, or the vSocket itself asks
		}
		var lacking []string
		for _, action := range need.Actions {
			if !rights.Allows(action) {
				lacking = append(lacking, action)
			}
		}
		if lacking == nil {
			continue
		}
		finding := Finding{Code: "caller-rights", Severity: Error, Where: need.Scope,
			What: fmt.Sprintf("%s may not do %s", orWord(e.Caller.Who, "the caller"), strings.Join(lacking, ", ")),
			Why:  "setting the site up needs Owner on the resource group"}
		role := e.eligible(need.Scope)
		if role == nil {
			finding.Remedies = []Remedy{{Person: "have an owner of the group give you Owner: az role assignment create --assignee " +
				orWord(e.Caller.ObjectID, "YOU") + " --role Owner --scope " + need.Scope}}
		} else {
			finding.Code, finding.Why = "pim-inactive", "the role is there but not active; "+finding.Why
			finding.Remedies = []Remedy{{Person: fmt.Sprintf("activate %s on %s: portal, Privileged Identity Management > My roles > Azure resources > Activate", role.Name, role.Scope)}}
		}
		e.add(finding)
	}
}

func (e *examination) eligible(scope string) *Role {
	for i := range e.Caller.Eligible {
		if covers(e.Caller.Eligible[i].Scope, scope) {
			return &e.Caller.Eligible[i]
		}
	}
	return nil
}

// locks: a read-only lock refuses the write of a NIC, whoever asks.
func (e *examination) locks() {
	for _, lock := range e.Locks {
		if strings.EqualFold(lock.Level, "ReadOnly") {
			e.add(Finding{Code: "locked", Severity: Error, What: "a read-only lock is on " + lock.Scope, Where: lock.ID,
				Why: "the floating IP can't be moved while a NIC may not be written", Remedies: []Remedy{{Request: &Request{Method: "DELETE", ID: lock.ID}}}})
		}
	}
}
