// Package pages draws the manager's pages: what it is given, in a language and a
// look. It asks nobody and decides nothing.
package pages

import (
	"net/netip"
	"net/url"
	"strings"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/web/page"
)

// Frame is what each page has around it.
type Frame struct {
	page.Frame
	Who   *access.Who // nil: nobody has signed in
	Saved bool        // a change has just been kept
}

// Asks says whether the page's address has a word behind its question mark.
func (f *Frame) Asks(word string) bool {
	u, err := url.Parse(f.Path)
	return err == nil && u.Query().Has(word)
}

func (f *Frame) may(a access.Action) bool { return f.Who != nil && f.Who.May(a) }

// Form is an input as it was sent, and what is wrong with it.
type Form struct {
	Values  url.Values
	Refusal *inventory.Refusal
	Typing  bool // it isn't to be kept yet: what is empty isn't wrong
}

// Value is a field's.
func (f Form) Value(name string) string { return f.Values.Get(name) }

// wrongs are what is wrong with a field, in English. A routed range's fields come as
// ranges[0].prefix.
func (f Form) wrongs(name string) []string {
	if f.Refusal == nil || f.Typing && f.Value(name) == "" {
		return nil
	}
	fits := func(field string) bool { return field == name || strings.HasSuffix(field, "."+name) }
	var all []string
	for _, fault := range f.Refusal.Faults {
		if fits(fault.Field) {
			all = append(all, fault.Message)
		}
	}
	if len(all) == 0 && fits(f.Refusal.Field) {
		all = append(all, f.Refusal.Message)
	}
	return all
}

// fine says that a field was checked and nothing is wrong with it.
func (f Form) fine(name string) bool {
	return f.Typing && f.Value(name) != "" && len(f.wrongs(name)) == 0
}

// rest is what is wrong with no field that is shown.
func (f Form) rest(shown ...string) *inventory.Refusal {
	if f.Refusal == nil || f.Typing {
		return nil
	}
	for _, name := range shown {
		if len(f.wrongs(name)) > 0 {
			return nil
		}
	}
	return f.Refusal
}

// input is how a field is shown.
type input struct {
	name, label, hint string
	kind, complete    string // of the input and its autocomplete
	optional          bool
	fromFragment      bool
}

// address is an address as text; the zero one has none.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return "–"
	}
	return a.String()
}

// with is a path with one more thing asked.
func with(path string, query url.Values, name, value string) string {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	if q.Del(name); value != "" {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
