package tree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// first is the order in which ARM shows a resource's own members.
var first = []string{"name", "id", "etag", "type", "kind", "location", "zones", "tags", "identity", "sku", "properties"}

// usualSize is how long a resource is.
const usualSize = 2048

// Render writes a resource: ARM's usual members first, the rest by name.
func Render(o Object) []byte {
	names := make([]string, 0, len(o))
	for _, name := range first {
		if _, has := o[name]; has {
			names = append(names, name)
		}
	}
	usual := len(names)
	for name := range o {
		if !slices.Contains(first, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[usual:])
	return appendObject(make([]byte, 0, usualSize), o, names)
}

func appendObject(out []byte, o Object, names []string) []byte {
	out = append(out, '{')
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, name), ':')
		out = appendValue(out, o[name])
	}
	return append(out, '}')
}

// appendValue writes what documents are made of; whatever else somebody has put
// into one is left to encoding/json.
func appendValue(out []byte, v any) []byte {
	switch v := v.(type) {
	case Object:
		return appendObject(out, v, slices.Sorted(maps.Keys(v)))
	case []any:
		out = append(out, '[')
		for i, item := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendValue(out, item)
		}
		return append(out, ']')
	case string:
		return appendText(out, v)
	case json.Number:
		return append(out, v...)
	case bool:
		return strconv.AppendBool(out, v)
	}
	return appendOther(out, v)
}

func appendText(out []byte, text string) []byte {
	start := len(out)
	out = append(out, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			return appendOther(out[:start], text)
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

func appendOther(out []byte, v any) []byte {
	buffer := bytes.NewBuffer(out)
	enc := json.NewEncoder(buffer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("tree: a document that was parsed can't be written: %v", err))
	}
	return buffer.Bytes()[:buffer.Len()-1] // without the encoder's line end
}
