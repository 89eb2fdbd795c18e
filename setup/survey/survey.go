// Package survey reads the facts of a site in Azure: what doctor judges, and what
// the set-up plans by. It changes nothing. What can't be read becomes a fact of
// its own, with Azure's reason.
package survey

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/site"
)

// Reader is ARM; an account.Client is one.
type Reader interface {
	Get(ctx context.Context, id string) (document.Document, string, error)
	List(ctx context.Context, path string) ([]document.Document, error)
	Post(ctx context.Context, path string, body document.Document) (document.Document, error)
	Permissions(ctx context.Context, scope string) (arm.Permissions, error)
}

// Names say which site it is. Of the VMs none or the primary may be left out:
// then they are found (Find).
type Names struct {
	Subscription       string
	Group              string     // of the VMs
	NetworkGroup       string     // of the VNet; "": Group
	Primary, Secondary string     // the VMs; Secondary "": there is none yet
	FloatingIP         netip.Addr // zero: what Azure has is taken for it
	Endpoint           string     // of ARM, for messages
	Authorities        string     // certificates, in PEM, to trust there besides the system's
}

// survey is one reading.
type survey struct {
	Reader
	ctx   context.Context
	names Names
	facts *doctor.Facts
	seen  map[string]document.Document // by id in lower case; nil: not there
}

// Read gathers the facts. Its error is the context's; whatever else goes wrong is
// in the facts.
func Read(ctx context.Context, c Reader, names Names) (*doctor.Facts, error) {
	if names.NetworkGroup == "" {
		names.NetworkGroup = names.Group
	}
	s := &survey{Reader: c, ctx: ctx, names: names, seen: map[string]document.Document{}, facts: &doctor.Facts{
		Wanted: doctor.Wanted{Subscription: names.Subscription, Group: names.Group, NetworkGroup: names.NetworkGroup,
			FloatingIP: names.FloatingIP, Endpoint: names.Endpoint, Authorities: names.Authorities},
		Caller: doctor.Caller{Rights: map[string]doctor.Rights{}},
	}}
	s.facts.Members[0].Side, s.facts.Members[1].Side = site.Primary, site.Secondary
	if s.subscription() {
		s.rights()
		s.members()
		s.network()
		s.identities()
		s.locks()
	}
	return s.facts, ctx.Err()
}

// groups are the site's, each once.
func (s *survey) groups() []string {
	ids := []string{document.Group(s.names.Subscription, s.names.Group)}
	if !strings.EqualFold(s.names.Group, s.names.NetworkGroup) {
		ids = append(ids, document.Group(s.names.Subscription, s.names.NetworkGroup))
	}
	return ids
}

// unseen notes what couldn't be read.
func (s *survey) unseen(what, where string, err error) {
	if s.ctx.Err() != nil {
		return
	}
	why, _, _ := strings.Cut(err.Error(), "\n")
	s.facts.Unseen = append(s.facts.Unseen, doctor.Unseen{What: what, Where: where, Why: why})
}

// get reads a resource once; nil if it isn't there or can't be read.
func (s *survey) get(what, id string) document.Document {
	plain, _, _ := strings.Cut(id, "?")
	key := strings.ToLower(plain)
	if d, known := s.seen[key]; known {
		return d
	}
	d, _, err := s.Get(s.ctx, id)
	if err != nil {
		s.unseen(what, plain, err)
	}
	s.seen[key] = d
	return d
}

// list reads a list; empty if it can't be read.
func (s *survey) list(what, path string) []document.Document {
	all, err := s.List(s.ctx, path)
	if err != nil {
		where, _, _ := strings.Cut(path, "/providers/")
		s.unseen(what, where, err)
	}
	return all
}

// subscription tells a sign-in that won't do from one that will.
func (s *survey) subscription() bool {
	caller := &s.facts.Caller
	if client, ok := s.Reader.(interface {
		Caller(context.Context) (account.Caller, error)
	}); ok {
		who, err := client.Caller(s.ctx)
		if err != nil {
			caller.Problem = doctor.SignInExpired
			caller.Detail, _, _ = strings.Cut(err.Error(), "\n")
			return false
		}
		caller.Who, caller.ObjectID = who.Name, who.ObjectID
	}
	d, _, err := s.Get(s.ctx, "/subscriptions/"+s.names.Subscription)
	var refused *account.Error
	switch {
	case err == nil && d == nil:
		caller.Problem = doctor.SignInSubscription
	case err == nil:
		caller.Tenant = d.Text("tenantId")
		caller.Subscription = doctor.Subscription{ID: s.names.Subscription, Tenant: d.Text("tenantId"), State: d.Text("state")}
	case errors.As(err, &refused) && refused.Code == "InvalidAuthenticationTokenTenant":
		caller.Problem, caller.Detail = doctor.SignInTenant, refused.Message
	case errors.As(err, &refused) && refused.Status == 401:
		caller.Problem, caller.Detail = doctor.SignInExpired, refused.Message
	case errors.As(err, &refused) && (refused.Status == 403 || refused.Status == 404):
		caller.Problem, caller.Detail = doctor.SignInSubscription, refused.Message
	default:
		caller.Problem = doctor.SignInUnanswered
		caller.Detail, _, _ = strings.Cut(err.Error(), "\n")
	}
	return caller.Problem == doctor.SignedIn
}

// rights is what the caller may do on the groups, and what PIM could activate.
func (s *survey) rights() {
	lacks := false
	for _, need := range doctor.CallerNeeds(s.facts.Wanted) {
		granted, err := s.Permissions(s.ctx, need.Scope)
		if err != nil {
			s.unseen("the caller's permissions", need.Scope, err)
			continue
		}
		s.facts.Caller.Rights[strings.ToLower(need.Scope)] = granted
		lacks = lacks || slices.ContainsFunc(need.Actions, func(action string) bool { return !granted.Allows(action) })
	}
	if !lacks {
		return
	}
	for _, group := range s.groups() {
		// Not told if it fails: without PIM in the tenant it does.
		eligible, _ := s.List(s.ctx, group+"/providers/Microsoft.Authorization/roleEligibilityScheduleInstances?$filter=asTarget()")
		for _, d := range eligible {
			s.facts.Caller.Eligible = append(s.facts.Caller.Eligible, doctor.Role{
				Name:  d.Text("properties", "expandedProperties", "roleDefinition", "displayName"),
				Scope: d.Text("properties", "scope")})
		}
	}
}

func (s *survey) locks() {
	for _, group := range s.groups() {
		for _, d := range s.list("locks", group+"/providers/Microsoft.Authorization/locks") {
			scope, _, _ := strings.Cut(d.Text("id"), "/providers/Microsoft.Authorization/")
			s.facts.Locks = append(s.facts.Locks, doctor.Lock{ID: d.Text("id"), Scope: scope, Level: d.Text("properties", "level")})
		}
		for _, d := range s.list("deny assignments", group+"/providers/Microsoft.Authorization/denyAssignments") {
			s.facts.Denies = append(s.facts.Denies, doctor.Deny{ID: d.Text("id"), Name: d.Text("properties", "denyAssignmentName"), Scope: d.Text("properties", "scope"),
				Principals: principals(d, "principals"), Except: principals(d, "excludePrincipals"), Rights: permissions(d)})
		}
	}
}

func principals(d document.Document, name string) []string {
	var all []string
	for _, p := range d.Objects("properties", name) {
		all = append(all, p.Text("id"))
	}
	return all
}
