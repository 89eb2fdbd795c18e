package access

import (
	"fmt"
	"slices"
	"strings"
)

// Role is what a person is in their account.
type Role string

// The roles.
const (
	Viewer  Role = "viewer"
	Editor  Role = "editor"
	Owner   Role = "owner"
	Auditor Role = "auditor"
)

// Roles are all of them.
var Roles = []Role{Viewer, Editor, Owner, Auditor}

// Action is what may be allowed or not. A token's scopes are actions.
type Action string

// The actions.
const (
	SiteRead       Action = "site.read"
	SiteChange     Action = "site.change"
	SocketRestart  Action = "socket.restart"
	SocketUnassign Action = "socket.unassign" // can't be undone (E9), so it has a line of its own
	SocketEnrol    Action = "socket.enrol"
	SocketWebUI    Action = "socket.webui"
	PoPChange      Action = "pop.change"
	AuditRead      Action = "audit.read"
	PeopleManage   Action = "people.manage"
	TokenManage    Action = "token.manage"
)

// grant is a line of the table.
type grant struct {
	action Action
	roles  []Role
	what   string
}

// grants is the one table of who may do what (E11). docs/manager.md shows it.
var grants = []grant{
	{SiteRead, []Role{Viewer, Editor, Owner, Auditor}, "look at sites, sockets, networks, status and events"},
	{SiteChange, []Role{Editor, Owner}, "make, change and delete sites, HA and networks; add a secondary"},
	{SocketRestart, []Role{Editor, Owner}, "restart a vSocket"},
	{SocketUnassign, []Role{Editor, Owner}, "unassign a secondary, for ever"},
	{SocketEnrol, []Role{Editor, Owner}, "make the key with which a vSocket enrols"},
	{SocketWebUI, []Role{Editor, Owner}, "open a vSocket's own pages, which ask for their own password"},
	{PoPChange, []Role{Editor, Owner}, "add and remove PoPs, make the keys with which they enrol"},
	{AuditRead, []Role{Owner, Auditor}, "read the audit log"},
	{PeopleManage, []Role{Owner}, "add people, give them roles, take them away"},
	{TokenManage, []Role{Viewer, Editor, Owner, Auditor}, "look after one's own tokens and sessions"},
}

// Can reports whether a role may do an action.
func Can(r Role, a Action) bool {
	for _, g := range grants {
		if g.action == a {
			return slices.Contains(g.roles, r)
		}
	}
	return false
}

// Allowed are the actions of a role, in the table's order.
func Allowed(r Role) []Action {
	var all []Action
	for _, g := range grants {
		if slices.Contains(g.roles, r) {
			all = append(all, g.action)
		}
	}
	return all
}

// Table is the grants as docs/manager.md shows them.
func Table() string {
	var text strings.Builder
	text.WriteString("| action | what |")
	for _, r := range Roles {
		fmt.Fprintf(&text, " %s |", r)
	}
	text.WriteString("\n|---|---|" + strings.Repeat("---|", len(Roles)) + "\n")
	for _, g := range grants {
		fmt.Fprintf(&text, "| `%s` | %s |", g.action, g.what)
		for _, r := range Roles {
			mark := " "
			if slices.Contains(g.roles, r) {
				mark = " ✓ "
			}
			fmt.Fprintf(&text, "%s|", mark)
		}
		text.WriteString("\n")
	}
	return text.String()
}

func within(scopes []Action, a Action) bool { return slices.Contains(scopes, a) }
