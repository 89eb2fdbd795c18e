package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Remedy is a step that mends a finding: a request to ARM, a setting in a guest, or
// what only a person can do. Exactly one of Request, Guest and Person is there.
type Remedy struct {
	Request *Request      `json:"request,omitempty"`
	Guest   *GuestSetting `json:"guest,omitempty"`
	Person  string        `json:"person,omitempty"`
	Safe    bool          `json:"safe"`              // may be done by `doctor --fix`: no outage, nothing lost
	Command string        `json:"command,omitempty"` // the same as a command line, and
	Portal  string        `json:"portal,omitempty"`  // as a step in Azure's portal; Examine writes both from the data
}

// Request is what ARM is asked to do. A PUT with edits reads the resource, edits
// it and writes it on the condition of the ETag that was read, so that nothing
// else of it changes; a PUT with a body makes a resource.
type Request struct {
	Method string         `json:"method"`
	ID     string         `json:"id"`
	Edits  []Edit         `json:"edits,omitempty"`
	Body   map[string]any `json:"body,omitempty"`
}

// Edit changes one place of a JSON document. In a list, a path names an item by
// its "name". A nil value takes the place away; an Append adds to a list, which is
// made if it isn't there. Doing it twice is as doing it once.
type Edit struct {
	Path   []string `json:"path"`
	Value  any      `json:"value"`
	Append bool     `json:"append,omitempty"`
	At     int      `json:"at,omitempty"` // place in the list of what is taken away, as it was read; for command lines
}

// GuestSetting is a change in a guest.
type GuestSetting struct {
	Member int         `json:"member"` // 0 primary, 1 secondary
	Kind   SettingKind `json:"kind"`
	Name   string      `json:"name"`
	Value  string      `json:"value"`
}

// SettingKind says what is set.
type SettingKind string

// The kinds of guest settings.
const (
	Sysctl      SettingKind = "sysctl"  // name, value
	Address     SettingKind = "address" // interface, prefix to add
	DropAddress SettingKind = "drop"    // interface, prefix to take away
	LinkMTU     SettingKind = "mtu"     // interface, bytes
	Setting     SettingKind = "setting" // path in vsocket.yaml, value
	Service     SettingKind = "service" // unit to restart
)

// Apply edits a copy of a document. A path that leads nowhere is an error.
func (r *Request) Apply(document map[string]any) (map[string]any, error) {
	if document == nil {
		return nil, errors.New("edit " + r.ID + ": it isn't there")
	}
	edited, _ := copied(document).(map[string]any)
	for _, edit := range r.Edits {
		if len(edit.Path) == 0 {
			return nil, fmt.Errorf("edit %s: no path", r.ID)
		}
		if _, err := apply(edited, edit, edit.Path); err != nil {
			return nil, fmt.Errorf("edit %s: %v: %w", r.ID, edit.Path, err)
		}
	}
	return edited, nil
}

func apply(at any, edit Edit, path []string) (any, error) {
	switch at := at.(type) {
	case map[string]any:
		name := path[0]
		if len(path) == 1 {
			return at, applyTo(at, name, edit)
		}
		if at[name] == nil {
			if edit.Value == nil {
				return at, nil // gone already
			}
			at[name] = map[string]any{}
		}
		changed, err := apply(at[name], edit, path[1:])
		at[name] = changed
		return at, err
	case []any:
		i := slices.IndexFunc(at, func(item any) bool { return named(item, path[0]) })
		switch {
		case i < 0 && edit.Value == nil:
			return at, nil // gone already
		case i < 0:
			return at, fmt.Errorf("no item %q in a list of %d", path[0], len(at))
		case len(path) == 1 && edit.Value == nil:
			return slices.Delete(at, i, i+1), nil
		case len(path) == 1:
			at[i] = copied(edit.Value)
			return at, nil
		}
		changed, err := apply(at[i], edit, path[1:])
		at[i] = changed
		return at, err
	}
	return at, fmt.Errorf("%q is in no object", path[0])
}

// named says that a list's item has a name.
func named(item any, name string) bool {
	object, _ := item.(map[string]any)
	own, _ := object["name"].(string)
	return own != "" && strings.EqualFold(own, name)
}

// same says that two items of a list stand for one.
func same(a, b any) bool {
	if object, ok := b.(map[string]any); ok {
		name, _ := object["name"].(string)
		return named(a, name)
	}
	return a == b
}

func applyTo(at map[string]any, name string, edit Edit) error {
	switch {
	case edit.Append:
		list, ok := at[name].([]any)
		if !ok && at[name] != nil {
			return fmt.Errorf("%q is no list", name)
		}
		if !slices.ContainsFunc(list, func(item any) bool { return same(item, edit.Value) }) {
			list = append(list, copied(edit.Value))
		}
		at[name] = list
	case edit.Value == nil:
		delete(at, name)
	default:
		at[name] = copied(edit.Value)
	}
	return nil
}

// copied shares nothing with the original.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for name, each := range v {
			c[name] = copied(each)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, each := range v {
			c[i] = copied(each)
		}
		return c
	}
	return v
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("doctor: a value of our own can't be marshalled: " + err.Error())
	}
	return string(text)
}
