package tree

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// first is the order in which ARM shows a resource's own members.
var first = []string{"name", "id", "etag", "type", "kind", "location", "zones", "tags", "identity", "sku", "properties"}

// usual is how long a resource is.
const usual = 2048

// Render writes a resource: ARM's usual members first, the rest by name.
func Render(o Object) []byte {
	return appendObject(make([]byte, 0, usual), o, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
}

func rank(name string) int {
	if i := slices.Index(first, name); i >= 0 {
		return i
	}
	return len(first)
}

func appendObject(out []byte, o Object, order func(a, b string) int) []byte {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.SortFunc(names, order)
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
		return appendObject(out, v, cmp.Compare[string])
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
