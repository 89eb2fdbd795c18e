// Package compat finds what of a new OpenAPI breaks who is written for an old
// one: something removed, an input that has become required or narrower, an
// answer that has less than was promised. What is added breaks nobody: a client
// has to let fields and values pass that it doesn't know.
package compat

import (
	"encoding/json"
	"fmt"
	"slices"
)

// object is JSON as it comes.
type object = map[string]any

// Breaking lists what breaks, in a fixed order.
func Breaking(before, after []byte) ([]string, error) {
	var c comparison
	if err := json.Unmarshal(before, &c.before); err != nil {
		return nil, fmt.Errorf("the old OpenAPI: %w", err)
	}
	if err := json.Unmarshal(after, &c.after); err != nil {
		return nil, fmt.Errorf("the new OpenAPI: %w", err)
	}
	c.paths()
	slices.Sort(c.found)
	return slices.Compact(c.found), nil
}

// comparison walks both at once.
type comparison struct {
	before, after object
	found         []string
	under         []string // pairs of schemas that are being compared: a schema may name itself
}

func (c *comparison) breaks(where, format string, args ...any) {
	c.found = append(c.found, where+": "+fmt.Sprintf(format, args...))
}

func get(o object, key string) object {
	inner, _ := o[key].(object)
	return inner
}

func list(o object, key string) []any {
	inner, _ := o[key].([]any)
	return inner
}

// methods are the keys of a path that are operations.
var methods = []string{"get", "put", "post", "delete", "patch"}

func (c *comparison) paths() {
	after := get(c.after, "paths")
	for path, was := range get(c.before, "paths") {
		is := get(after, path)
		for _, method := range methods {
			old, had := was.(object)[method].(object)
			if !had {
				continue
			}
			where := method + " " + path
			now, has := is[method].(object)
			if !has {
				c.breaks(where, "removed")
				continue
			}
			c.parameters(where, old, now)
			c.body(where, get(old, "requestBody"), get(now, "requestBody"))
			c.answers(where, get(old, "responses"), get(now, "responses"))
		}
	}
}

// parameters of an operation, by where they are and their name.
func parameters(operation object) map[string]object {
	named := map[string]object{}
	for _, one := range list(operation, "parameters") {
		p, _ := one.(object)
		named[fmt.Sprint(p["in"], " ", p["name"])] = p
	}
	return named
}

func (c *comparison) parameters(where string, old, now object) {
	was, is := parameters(old), parameters(now)
	for name, p := range was {
		next, has := is[name]
		if !has {
			c.breaks(where, "parameter %s removed", name)
			continue
		}
		if next["required"] == true && p["required"] != true {
			c.breaks(where, "parameter %s is required now", name)
		}
		c.schema(where+" parameter "+name, get(p, "schema"), get(next, "schema"), input)
	}
	for name, p := range is {
		if _, had := was[name]; !had && p["required"] == true {
			c.breaks(where, "new parameter %s is required", name)
		}
	}
}

func (c *comparison) body(where string, old, now object) {
	if now["required"] == true && old["required"] != true {
		c.breaks(where, "a body is required now")
	}
	c.content(where+" body", get(old, "content"), get(now, "content"), input)
}

func (c *comparison) answers(where string, old, now object) {
	for status, answer := range old {
		next, has := now[status].(object)
		if !has {
			c.breaks(where, "answer %s removed", status)
			continue
		}
		at := where + " answer " + status
		c.content(at, get(answer.(object), "content"), get(next, "content"), output)
		for name := range get(answer.(object), "headers") {
			if _, has := get(next, "headers")[name]; !has {
				c.breaks(at, "header %s removed", name)
			}
		}
	}
}

func (c *comparison) content(where string, old, now object, way direction) {
	for kind, media := range old {
		next, has := now[kind].(object)
		if !has {
			c.breaks(where, "media type %s removed", kind)
			continue
		}
		c.schema(where, get(media.(object), "schema"), get(next, "schema"), way)
	}
}
