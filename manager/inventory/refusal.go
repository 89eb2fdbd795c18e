package inventory

import "releve.dev/releve/site"

// Kind says of what sort a refusal is; the API has a status for each.
type Kind string

// The kinds.
const (
	Invalid Kind = "invalid" // an input breaks a rule
	Absent  Kind = "absent"  // there is none in this account
	Taken   Kind = "taken"   // the name is another's
	NotNow  Kind = "not-now" // the site's state doesn't allow it
	Stale   Kind = "stale"   // the site was changed since the caller saw it
	Missing Kind = "missing" // the caller must say which generation it saw
	Unknown Kind = "unknown" // enrolment: no such serial number
	BadKey  Kind = "bad-key" // enrolment: not its secret
	Expired Kind = "expired" // enrolment: the key is too old
	Used    Kind = "used"    // enrolment: another machine used the key
	Void    Kind = "void"    // enrolment: the serial number is void
)

// Refusal is a use case's no, which changed nothing. It is an error.
type Refusal struct {
	Kind    Kind
	Field   string       // which input; "": none in particular
	Message string       // names the rule and the address
	Remedy  string       // what to do; "": nothing
	Faults  []site.Fault // all that is wrong with the addresses, the first in Field and Message
}

func (r *Refusal) Error() string {
	if r.Remedy == "" {
		return r.Message
	}
	return r.Message + "\nhint: " + r.Remedy
}
