// Package tree holds ARM's JSON documents as they are, unknown properties
// included: parse, look up, copy, render. Objects are never changed once they
// are shared; who changes one copies it first.
package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Object is a JSON object.
type Object = map[string]any

// Parse reads one JSON object. Members that are null are left out at every
// level, as ARM's resource providers do: null and absent mean the same there.
// Numbers keep their digits.
func Parse(body []byte) (Object, error) {
	if o, ok := parseFast(body); ok {
		return o, nil
	}
	return parse(body)
}

func parse(body []byte) (Object, error) {
	o, err := ParseNulls(body)
	dropNulls(o)
	return o, err
}

// ParseNulls is Parse for a body where null means to take a member away.
func ParseNulls(body []byte) (Object, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the body is empty")
		}
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body goes on after its end")
	}
	o, ok := v.(Object)
	if !ok {
		return nil, errors.New("the body is not a JSON object")
	}
	return o, nil
}

// Merge is a with b's members over it, as RFC 7396 merges: objects within
// objects are merged, null takes a member away, all else replaces. Neither is
// changed.
func Merge(a, b Object) Object {
	out := Shallow(a)
	for name, member := range b {
		sub, is := member.(Object)
		switch {
		case member == nil:
			delete(out, name)
		case is:
			old, _ := out[name].(Object)
			out[name] = Merge(old, sub)
		default:
			out[name] = member
		}
	}
	return out
}

func dropNulls(v any) {
	switch v := v.(type) {
	case Object:
		for name, member := range v {
			if member == nil {
				delete(v, name)
				continue
			}
			dropNulls(member)
		}
	case []any:
		for _, item := range v {
			dropNulls(item)
		}
	}
}

// Get follows member names; nil if one is missing or not an object.
func Get(o Object, path ...string) any {
	var v any = o
	for _, name := range path {
		m, ok := v.(Object)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// Sub is the object at path, nil if there is none.
func Sub(o Object, path ...string) Object {
	sub, _ := Get(o, path...).(Object)
	return sub
}

// Text is the string at path, "" if there is none. A number or a truth value
// counts as its text, as ARM's deserializers do.
func Text(o Object, path ...string) string {
	switch v := Get(o, path...).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Bool is the truth value at path; the texts "true" and "True" count.
func Bool(o Object, path ...string) bool {
	switch v := Get(o, path...).(type) {
	case bool:
		return v
	case string:
		return strings.EqualFold(v, "true")
	}
	return false
}

// Objects is the list of objects at path; items that are none are left out.
func Objects(o Object, path ...string) []Object {
	list, _ := Get(o, path...).([]any)
	var out []Object
	for _, item := range list {
		if sub, ok := item.(Object); ok {
			out = append(out, sub)
		}
	}
	return out
}

// Texts is the list of strings at path.
func Texts(o Object, path ...string) []string {
	list, _ := Get(o, path...).([]any)
	var out []string
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// Clone copies v with all that is in it.
func Clone[T any](v T) T {
	copied, _ := clone(v).(T)
	return copied
}

func clone(v any) any {
	switch v := v.(type) {
	case Object:
		if v == nil {
			return v
		}
		out := make(Object, len(v))
		for name, member := range v {
			out[name] = clone(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	}
	return v
}

// Shallow copies the object itself; its members stay shared.
func Shallow(o Object) Object {
	out := make(Object, len(o)+4)
	for name, member := range o {
		out[name] = member
	}
	return out
}
