package tree

import (
	"bytes"
	"encoding/json"
)

// parseFast is Parse for bodies with nothing wrong. What it isn't sure of it
// leaves to encoding/json, which also knows how to complain.
func parseFast(body []byte) (Object, bool) {
	r := reader{in: body}
	v, ok := r.value(0)
	o, is := v.(Object)
	return o, ok && is && r.next() == 0 && r.at == len(body)
}

type reader struct {
	in []byte
	at int
}

// next is the next byte that is no space, 0 at the end.
func (r *reader) next() byte {
	for ; r.at < len(r.in); r.at++ {
		switch c := r.in[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take goes past the next byte if it is c.
func (r *reader) take(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

// deepest is how deep a body may be.
const deepest = 100

func (r *reader) value(depth int) (any, bool) {
	if depth > deepest {
		return nil, false
	}
	switch r.next() {
	case '{':
		return r.object(depth)
	case '[':
		return r.array(depth)
	case '"':
		return r.text()
	}
	return r.word()
}

func (r *reader) object(depth int) (Object, bool) {
	o := Object{}
	r.at++
	if r.take('}') {
		return o, true
	}
	for {
		if r.next() != '"' {
			return nil, false
		}
		name, ok := r.text()
		if !ok || !r.take(':') {
			return nil, false
		}
		v, ok := r.value(depth + 1)
		if !ok {
			return nil, false
		}
		if v == nil {
			delete(o, name)
		} else {
			o[name] = v
		}
		if r.take('}') {
			return o, true
		}
		if !r.take(',') {
			return nil, false
		}
	}
}

func (r *reader) array(depth int) ([]any, bool) {
	list := []any{}
	r.at++
	if r.take(']') {
		return list, true
	}
	for {
		v, ok := r.value(depth + 1)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if r.take(']') {
			return list, true
		}
		if !r.take(',') {
			return nil, false
		}
	}
}

func (r *reader) text() (string, bool) {
	from, plain := r.at, true
	for r.at++; r.at < len(r.in); r.at++ {
		switch c := r.in[r.at]; {
		case c == '\\':
			r.at++
			plain = false
		case c < ' ' || c > '~':
			plain = false
		case c == '"':
			r.at++
			raw := r.in[from:r.at]
			if plain {
				return string(raw[1 : len(raw)-1]), true
			}
			return unescape(raw)
		}
	}
	return "", false
}

func unescape(raw []byte) (text string, ok bool) {
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

// word is a number, true, false or null.
func (r *reader) word() (any, bool) {
	rest := r.in[r.at:]
	length := bytes.IndexAny(rest, " \t\n\r,]}")
	if length < 0 {
		return nil, false
	}
	r.at += length
	switch word := string(rest[:length]); {
	case word == "true", word == "false":
		return word == "true", true
	case word == "null":
		return nil, true
	default:
		return json.Number(word), json.Valid(rest[:length])
	}
}
