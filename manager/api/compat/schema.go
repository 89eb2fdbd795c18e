package compat

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// direction is who writes a value: what the client sends may become wider,
// what it is sent may become narrower.
type direction string

const (
	input  direction = "input"
	output direction = "output"
)

// resolve follows a reference within its document.
func resolve(document, schema object) (resolved object, name string) {
	ref, is := schema["$ref"].(string)
	if !is {
		return schema, ""
	}
	at := document
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = get(at, part)
	}
	return at, ref
}

func (c *comparison) schema(where string, old, now object, way direction) {
	old, oldName := resolve(c.before, old)
	now, nowName := resolve(c.after, now)
	if oldName != "" {
		pair := fmt.Sprint(oldName, nowName, way)
		if slices.Contains(c.under, pair) {
			return
		}
		c.under = append(c.under, pair)
		defer func() { c.under = c.under[:len(c.under)-1] }()
	}
	if was, is := kinds(old), kinds(now); !reflect.DeepEqual(was, is) && !widened(was, is, way) {
		c.breaks(where, "type was %v and is %v", was, is)
	}
	if old["format"] != now["format"] {
		c.breaks(where, "format was %v and is %v", old["format"], now["format"])
	}
	c.values(where, list(old, "enum"), list(now, "enum"), way)
	if way == input {
		c.limits(where, old, now)
	}
	c.properties(where, old, now, way)
	if items := get(old, "items"); items != nil {
		c.schema(where+"[]", items, get(now, "items"), way)
	}
	c.choices(where, list(get(old, "items"), "oneOf"), list(get(now, "items"), "oneOf"), way)
}

// kinds of a value: OpenAPI 3.1 writes one as a text, several as a list.
func kinds(schema object) []string {
	var all []string
	switch of := schema["type"].(type) {
	case string:
		all = append(all, of)
	case []any:
		for _, one := range of {
			all = append(all, fmt.Sprint(one))
		}
	}
	slices.Sort(all)
	return all
}

// widened: the client may send what it did, or is sent nothing that is new.
func widened(was, is []string, way direction) bool {
	small, large := was, is
	if way == output {
		small, large = is, was
	}
	if len(small) == 0 { // anything
		return false
	}
	return len(large) == 0 || !slices.ContainsFunc(small, func(k string) bool { return !slices.Contains(large, k) })
}

func (c *comparison) values(where string, was, is []any, way direction) {
	for _, v := range was {
		if is != nil && !slices.Contains(is, v) {
			c.breaks(where, "value %v removed", v)
		}
	}
	if way == input && was == nil && is != nil {
		c.breaks(where, "only some values are taken now: %v", is)
	}
}

// limits of an input may be loosened.
func (c *comparison) limits(where string, old, now object) {
	for name, sign := range map[string]float64{"maxLength": 1, "maximum": 1, "maxItems": 1, "minLength": -1, "minimum": -1, "minItems": -1} {
		is, has := now[name].(float64)
		was, had := old[name].(float64)
		if has && (!had || sign*is < sign*was) {
			c.breaks(where, "%s was %v and is %v", name, old[name], is)
		}
	}
	if now["pattern"] != nil && now["pattern"] != old["pattern"] {
		c.breaks(where, "pattern was %v and is %v", old["pattern"], now["pattern"])
	}
}

func (c *comparison) properties(where string, old, now object, way direction) {
	was, is := get(old, "properties"), get(now, "properties")
	mustWas, mustIs := list(old, "required"), list(now, "required")
	for name, of := range was {
		at := where + "." + name
		next, has := is[name].(object)
		if !has {
			c.breaks(at, "removed")
			continue
		}
		if way == output && slices.Contains(mustWas, any(name)) && !slices.Contains(mustIs, any(name)) {
			c.breaks(at, "may be absent now")
		}
		c.schema(at, of.(object), next, way)
	}
	for _, name := range mustIs {
		if way == input && !slices.Contains(mustWas, name) {
			c.breaks(fmt.Sprint(where, ".", name), "is required now")
		}
	}
}

// choices are the messages of a stream, by their title.
func (c *comparison) choices(where string, was, is []any, way direction) {
	named := map[any]object{}
	for _, one := range is {
		o, _ := one.(object)
		named[o["title"]] = o
	}
	for _, one := range was {
		o, _ := one.(object)
		next, has := named[o["title"]]
		if !has {
			c.breaks(where, "%v removed", o["title"])
			continue
		}
		c.schema(fmt.Sprint(where, " ", o["title"]), o, next, way)
	}
}
