package document

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Difference is one value that differs. A nil Before or After: it isn't there.
type Difference struct {
	Path          string // properties.ipConfigurations[fip].name; "": the whole
	Before, After any
}

// derived are names that Azure fills in, at whatever depth: they say nothing of
// what a person or we want.
var derived = map[string]bool{"etag": true, "provisioningState": true, "resourceGuid": true}

// Equal reports whether two documents want the same: what Azure derives is left
// out, ids and locations are compared as Azure does, and what is empty is as
// good as absent.
func Equal(a, b Document) bool { return len(Diff(a, b)) == 0 }

// Diff lists what differs, in the order of the paths.
func Diff(before, after Document) []Difference {
	var found []Difference
	if before == nil || after == nil {
		if before == nil && after == nil {
			return nil
		}
		return []Difference{{Before: value(before), After: value(after)}}
	}
	objects("", before, after, false, &found)
	return found
}

func value(d Document) any {
	if d == nil {
		return nil
	}
	return map[string]any(d)
}

// objects compares two objects. Of a named element of a list, Azure derives the
// id and the type, too.
func objects(path string, before, after map[string]any, element bool, found *[]Difference) {
	names := slices.Sorted(maps.Keys(before))
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if derived[name] || element && (name == "id" || name == "type") {
			continue
		}
		at := name
		if path != "" {
			at = path + "." + name
		}
		_, was := before[name]
		_, is := after[name]
		if was != is && (path == identities || strings.HasSuffix(path, "."+identities)) {
			*found = append(*found, Difference{at, before[name], after[name]})
			continue
		}
		values(at, before[name], after[name], found)
	}
}

// identities is the object whose members say something by being there: {} is an
// identity that is assigned.
const identities = "userAssignedIdentities"

func values(path string, before, after any, found *[]Difference) {
	if empty(before) && empty(after) {
		return
	}
	a, isObject := before.(map[string]any)
	b, both := after.(map[string]any)
	if isObject && both {
		objects(path, a, b, false, found)
		return
	}
	first, isList := before.([]any)
	second, both := after.([]any)
	if isList && both && keyed(first) && keyed(second) {
		lists(path, first, second, found)
		return
	}
	if !same(path, before, after) {
		*found = append(*found, Difference{path, before, after})
	}
}

func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

// same compares two values that aren't both objects or keyed lists.
func same(path string, before, after any) bool {
	a, isText := before.(string)
	b, both := after.(string)
	switch {
	case !isText || !both:
		return bytes.Equal(write(before), write(after))
	case isID(a) && isID(b):
		return strings.EqualFold(a, b)
	case path == "location" || strings.HasSuffix(path, ".location"):
		return Location(a) == Location(b)
	}
	return a == b
}

// Location is one of Azure's regions as ARM compares them: "West Europe" is
// westeurope.
func Location(text string) string { return strings.ToLower(strings.ReplaceAll(text, " ", "")) }

func isID(text string) bool {
	low := strings.ToLower(text)
	return strings.HasPrefix(low, "/subscriptions/") || strings.HasPrefix(low, "/providers/")
}

// keyed lists are of objects that each have a name or an id, no two the same.
func keyed(list []any) bool {
	seen := map[string]bool{}
	for _, element := range list {
		key := Key(element)
		if key == "" || seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// Key is what tells an element of a list from the others: its name, else its id,
// in lower case as Azure compares them.
func Key(element any) string {
	object, ok := element.(map[string]any)
	if !ok {
		return ""
	}
	if name, ok := object["name"].(string); ok && name != "" {
		return strings.ToLower(name)
	}
	id, _ := object["id"].(string)
	return strings.ToLower(id)
}

// lists compares keyed lists: elements belong together by their keys, as the
// order of Azure's lists means nothing where they are named.
func lists(path string, before, after []any, found *[]Difference) {
	others := map[string]any{}
	for _, element := range after {
		others[Key(element)] = element
	}
	for _, element := range before {
		key := Key(element)
		at := path + "[" + key + "]"
		other, both := others[key]
		if !both {
			*found = append(*found, Difference{at, element, nil})
			continue
		}
		delete(others, key)
		a, b := element.(map[string]any), other.(map[string]any)
		objects(at, a, b, a["name"] != nil, found)
	}
	for _, element := range after {
		if key := Key(element); others[key] != nil {
			*found = append(*found, Difference{path + "[" + key + "]", nil, element})
		}
	}
}
