package settings

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Binding is how a file was laid onto a struct: what didn't fit, and on which line
// each key is. The library's own decoder stops at the first error and reads 14.0
// as the number 14, so values are taken from the text. A path is like ha.peer.lan
// or sites[0].name.
type Binding struct {
	form     *Form
	file     string
	lines    map[string]int // by path; only keys that the file has
	bad      map[string]bool
	sources  map[string]string // by path: where it comes from, if not from the file
	problems Problems
}

// Given reports whether the file has the key.
func (b *Binding) Given(path string) bool { _, ok := b.lines[path]; return ok }

// line is where path is, or the section that should have it.
func (b *Binding) line(path string) int {
	for {
		if line, ok := b.lines[path]; ok {
			return line
		}
		path = parent(path)
	}
}

// Wrong reports whether path, or a section around it, has a problem already,
// so that its value means nothing.
func (b *Binding) Wrong(path string) bool {
	for ; path != ""; path = parent(path) {
		if b.bad[path] {
			return true
		}
	}
	return false
}

func (b *Binding) unfit(line int, path, format string, args ...any) {
	b.bad[path] = true
	b.problems = append(b.problems, Problem{File: b.origin(path), Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

func (b *Binding) section(node *ast.MappingNode, into reflect.Value, path string) {
	keys := fieldsOf(into.Type())
	for _, entry := range node.Values {
		key := entry.Key.GetToken().Value
		at := join(path, key)
		line := lineOf(entry.Key)
		field, ok := keys[key]
		if !ok {
			b.unfit(line, at, "unknown key; %s", known(path, into.Type()))
			continue
		}
		b.lines[at] = line
		b.value(entry.Value, into.Field(field), at)
	}
}

func (b *Binding) value(node ast.Node, into reflect.Value, path string) {
	line := b.lines[path]
	if node == nil || node.Type() == ast.NullType {
		b.unfit(line, path, "has no value")
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(b.newSection(into.Type().Elem()))
		into = into.Elem()
	}
	switch {
	case isSection(into.Type()):
		mapping, ok := node.(*ast.MappingNode)
		if !ok {
			b.unfit(line, path, "is a section: it wants \"key: value\" lines below it")
			return
		}
		b.section(mapping, into, path)
	case into.Kind() == reflect.Slice:
		b.list(node, into, path)
	default:
		b.scalar(node, into, path)
	}
}

func (b *Binding) list(node ast.Node, into reflect.Value, path string) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		b.unfit(b.lines[path], path, "is a list: write [first, second]")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(sequence.Values), len(sequence.Values)))
	for i, element := range sequence.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		b.lines[at] = lineOf(element)
		b.value(element, into.Index(i), at)
	}
}

func (b *Binding) scalar(node ast.Node, into reflect.Value, path string) {
	line := lineOf(node)
	text, ok := scalarText(node)
	if !ok {
		b.unfit(line, path, "wants one plain value, not a %s", strings.ToLower(node.Type().String()))
		return
	}
	if err := setScalar(into, text); err != nil {
		b.unfit(line, path, "%v", err)
	}
}

// scalarText is the value as it is written, without its quotes.
func scalarText(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(node.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	}
	return "", false
}

func setScalar(into reflect.Value, text string) error {
	if into.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration like 250ms or 1.5s", text)
		}
		into.SetInt(int64(d))
		return nil
	}
	if value, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := value.UnmarshalText([]byte(text)); err != nil {
			return plain(into.Type(), text, err)
		}
		return nil
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		into.SetInt(int64(n))
	case reflect.Uint64, reflect.Uint32:
		n, err := strconv.ParseUint(text, 10, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is not a whole number from 0 on", text)
		}
		into.SetUint(n)
	default:
		panic("settings: no way to read a " + into.Type().String())
	}
	return nil
}

// plain words an error of netip, whose own texts name Go functions.
func plain(t reflect.Type, text string, err error) error {
	switch t.String() {
	case "netip.Addr":
		return fmt.Errorf("%q is not an IP address", text)
	case "netip.AddrPort":
		return fmt.Errorf("%q is not an IP address with a port, like 203.0.113.30:51820", text)
	case "netip.Prefix":
		return fmt.Errorf("%q is not an address with its subnet's length, like 10.102.2.10/24", text)
	}
	return err
}

// newSection makes an optional section with its defaults.
func (b *Binding) newSection(t reflect.Type) reflect.Value {
	if b.form.Section == nil {
		return reflect.New(t)
	}
	return reflect.ValueOf(b.form.Section(t))
}

// isSection tells a struct with keys of its own from one that is a value,
// like netip.Addr.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func fieldsOf(t reflect.Type) map[string]int {
	keys := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		keys[keyOf(t.Field(i))] = i
	}
	return keys
}

func keyOf(field reflect.StructField) string {
	key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return key
}

func known(path string, t reflect.Type) string {
	var keys []string
	for key := range fieldsOf(t) {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	where := "the file"
	if path != "" {
		where = path
	}
	return where + " has " + strings.Join(keys, ", ")
}

func lineOf(node ast.Node) int {
	if token := node.GetToken(); token != nil && token.Position != nil {
		return token.Position.Line
	}
	return 1
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// parent of a.b[1] is a.b, of a.b it is a, of a it is the file.
func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}
