package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Remedy is one way to mend a finding: a request to ARM, a setting in a guest, or
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

// Edit changes one place of a JSON document. A number in a path is an index of a
// list. A nil value takes the place away; an Append adds to a list, which is made
// if it isn't there.
type Edit struct {
	Path   []string `json:"path"`
	Value  any      `json:"value"`
	Append bool     `json:"append,omitempty"`
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
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(at) {
			return at, fmt.Errorf("no item %q in a list of %d", path[0], len(at))
		}
		switch {
		case len(path) > 1:
			at[i], err = apply(at[i], edit, path[1:])
			return at, err
		case edit.Value == nil:
			return slices.Delete(at, i, i+1), nil
		}
		at[i] = copied(edit.Value)
		return at, nil
	}
	return at, fmt.Errorf("%q is in no object", path[0])
}

func applyTo(at map[string]any, name string, edit Edit) error {
	switch {
	case edit.Append:
		list, ok := at[name].([]any)
		if !ok && at[name] != nil {
			return fmt.Errorf("%q is no list", name)
		}
		at[name] = append(list, copied(edit.Value))
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
