package document

import (
	"strings"
	"testing"
)

// FuzzID: an id that is one is written as it was read, and leads to one type.
func FuzzID(f *testing.F) {
	for _, text := range []string{
		"/subscriptions/s", "/subscriptions/s/resourceGroups/g", "/subscriptions/s/resourcegroups/g/providers/A.B/c/d/e/f",
		"/subscriptions/s/resourceGroups/g/providers/A.B/c/d/providers/E.F/g/h", "/providers/A.B/c/d", "/subscriptions/s/providers/A.B/c/d", "/x/y/z", "/providers/providers/providers/x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			return
		}
		if again := id.String(); !strings.EqualFold(again, text) {
			t.Errorf("%q is written as %q", text, again)
		}
		if kind := TypeOf(text); !strings.EqualFold(kind, id.Type) {
			t.Errorf("%q is a %s, and leads to a %s", text, id.Type, kind)
		}
		if parent := id.Parent(); parent.Type != "" {
			if _, err := ParseID(parent.String()); err != nil {
				t.Errorf("the parent of %q: %v", text, err)
			}
		}
	})
}

// FuzzDiff: a document is like itself and its copy, and what differs is found
// from either side.
func FuzzDiff(f *testing.F) {
	f.Add([]byte(nic), []byte(`{"tags":{"a":null},"zones":[],"properties":{"ipConfigurations":[{"name":"a"},{"id":"/subscriptions/x"}]}}`))
	f.Add([]byte(`{"a":[{"name":"x"},{"name":"X"}]}`), []byte(`{"a":[1,"2",true,1e3]}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a, err := Parse(first)
		if err != nil {
			return
		}
		if again, err := Parse(a.Clone().JSON()); err != nil || !Equal(a, again) {
			t.Errorf("%s: written and read it differs: %v, %v", first, err, Diff(a, again))
		}
		b, err := Parse(second)
		if err != nil {
			return
		}
		if there, back := Diff(a, b), Diff(b, a); len(there) != len(back) {
			t.Errorf("%d differences of %s and %s, and %d back", len(there), first, second, len(back))
		}
	})
}
