package steer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A resource is taken apart only where something of ours is, and all else stays as
// its bytes. The functions here cut valid JSON, so they look at quotes and
// brackets alone; ParseNIC and its like see to it that it is valid.

// object is a JSON object's members in their order. Of two with one name the
// last one counts. An object is never changed: with and without copy it.
type object []member

type member struct {
	name  []byte // not in quotes
	value json.RawMessage
}

func (o object) get(name string) json.RawMessage {
	if i := o.find(name); i >= 0 {
		return o[i].value
	}
	return nil
}

func (o object) find(name string) int {
	for i := len(o) - 1; i >= 0; i-- {
		if string(o[i].name) == name {
			return i
		}
	}
	return -1
}

// fold is get, whatever the name's case: ARM's names have none.
func (o object) fold(name string) json.RawMessage {
	if i := o.findFold(name); i >= 0 {
		return o[i].value
	}
	return nil
}

func (o object) findFold(name string) int {
	for i, m := range slices.Backward(o) {
		if strings.EqualFold(string(m.name), name) {
			return i
		}
	}
	return -1
}

// withFold is with for a name that may be there in another case.
func (o object) withFold(name string, value json.RawMessage) object {
	if i := o.findFold(name); i >= 0 {
		name = string(o[i].name)
	}
	return o.with(name, value)
}

func (o object) with(name string, value json.RawMessage) object {
	i := o.find(name)
	if i < 0 {
		return append(slices.Clip(o), member{[]byte(name), value})
	}
	o = slices.Clone(o)
	o[i].value = value
	return o
}

func (o object) without(names ...string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return slices.Contains(names, string(m.name)) })
}

// join is the object as JSON.
func (o object) join() json.RawMessage {
	size := 2
	for _, m := range o {
		size += len(m.name) + len(m.value) + len(`"":,`)
	}
	out := append(make([]byte, 0, size), '{')
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendText(out, m.name), ':'), m.value...)
	}
	return append(out, '}')
}

// list is an array as JSON.
func list(values []json.RawMessage) json.RawMessage {
	out := []byte{'['}
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, value...)
	}
	return append(out, ']')
}

// members cuts an object; null counts as an empty one. The values are parts of
// raw. what names it in the error.
func members(raw json.RawMessage, what string) (object, error) {
	values, err := cut(raw, '{', what)
	o := make(object, len(values))
	for i, value := range values {
		colon := skip(value, 0, ':')
		o[i] = member{unquoted(bytes.TrimSpace(value[:colon])), bytes.TrimSpace(value[colon+1:])}
	}
	return o, err
}

// items cuts an array the same way.
func items(raw json.RawMessage, what string) ([]json.RawMessage, error) {
	return cut(raw, '[', what)
}

// cut gives what stands between the commas of an object or array.
func cut(raw json.RawMessage, open byte, what string) ([]json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	if string(raw) == "null" {
		return nil, nil
	}
	if len(raw) == 0 || raw[0] != open {
		return nil, fmt.Errorf("%s: not what it should be in JSON: %.20q", what, raw)
	}
	inner := bytes.TrimSpace(raw[1 : len(raw)-1])
	parts := make([]json.RawMessage, 0, len(inner)/64+2)
	for from := 0; from < len(inner); {
		end := skip(inner, from, ',')
		parts = append(parts, bytes.TrimSpace(inner[from:end]))
		from = end + 1
	}
	return parts, nil
}

// skip is the index of the next stop from i on that is in no string and in no
// brackets, or the end.
func skip(raw []byte, i int, stop byte) int {
	depth := 0
	for ; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '"':
			i = closing(raw, i)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case stop:
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// closing is the index of the quote that ends the string at i.
func closing(raw []byte, i int) int {
	for {
		i += 1 + bytes.IndexByte(raw[i+1:], '"')
		escaped := false
		for at := i - 1; raw[at] == '\\'; at-- {
			escaped = !escaped
		}
		if !escaped {
			return i
		}
	}
}

// canonical is a value by name at every level, without spaces and without the
// members named in drop.
func canonical(raw json.RawMessage, drop []string) json.RawMessage {
	switch raw[0] {
	case '{':
		o, _ := members(raw, "")
		o = o.without(drop...)
		for i := range o {
			o[i].value = canonical(o[i].value, drop)
		}
		slices.SortStableFunc(o, func(a, b member) int { return bytes.Compare(a.name, b.name) })
		return o.join()
	case '[':
		values, _ := items(raw, "")
		for i := range values {
			values[i] = canonical(values[i], drop)
		}
		return list(values)
	case '"':
		return appendText(nil, unquoted(raw))
	}
	return raw
}

// plain reports whether a string's JSON is the string in quotes.
func plain(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// quoted is a string as JSON.
func quoted(s string) json.RawMessage { return appendText(nil, []byte(s)) }

func appendText(out, s []byte) []byte {
	if plain(s) {
		return append(append(append(out, '"'), s...), '"')
	}
	var escaped bytes.Buffer
	encoder := json.NewEncoder(&escaped)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(string(s)); err != nil {
		panic("steer: " + err.Error())
	}
	return append(out, bytes.TrimRight(escaped.Bytes(), "\n")...)
}

// unquoted is the string that raw is, or nothing if it is none. It may be a
// part of raw.
func unquoted(raw json.RawMessage) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	if inner := raw[1 : len(raw)-1]; plain(inner) {
		return inner
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return []byte(s)
}
