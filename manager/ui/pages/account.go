package pages

import (
	"net/url"
	"time"

	"releve.dev/releve/manager/access"
)

// Own is what somebody has of their own.
type Own struct {
	Passkeys []access.Passkey
	Sessions []access.Session
	Host     string // of the passkeys; "": the manager does none
}

// isMe reports whether a person is the one who looks.
func (f *Frame) isMe(p access.Person) bool { return f.Who != nil && f.Who.Person == p.ID }

// used is when a token was last; zero: never.
func used(t access.Token) time.Time {
	if t.Used == nil {
		return time.Time{}
	}
	return *t.Used
}

// or is the form with a value where it has none.
func (f Form) or(name, value string) Form {
	if f.Values.Has(name) {
		return f
	}
	with := url.Values{name: {value}}
	for k, v := range f.Values {
		with[k] = v
	}
	f.Values = with
	return f
}
