package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Merge lays patch, a file of the same form that has only some of the keys, over
// data: sections key by key, values and lists as a whole. Sections that patch
// doesn't name stay as they are written, with their comments. Merging the same again
// changes nothing. name and patchName stand for the two in messages; the error is
// Problems. Whether the outcome is right is for who reads it.
func (f *Form) Merge(name string, data []byte, patchName string, patch []byte) ([]byte, error) {
	old, err := f.tree(name, data)
	if err != nil {
		return nil, err
	}
	over, err := f.tree(patchName, patch)
	if err != nil {
		return nil, err
	}
	merged := old.merge(over)
	if merged.equal(old) {
		return data, nil
	}
	text := string(data)
	for _, key := range over.keys {
		if now := merged.sections[key]; !now.equal(old.sections[key]) {
			text = replace(text, key, entry(key, now))
		}
	}
	return f.verbatim(text, merged), nil
}

// Unset takes sections, or other keys of the file itself, out of data. One that
// isn't there is no error.
func (f *Form) Unset(name string, data []byte, keys ...string) ([]byte, error) {
	old, err := f.tree(name, data)
	if err != nil {
		return nil, err
	}
	left, text := old.without(keys), string(data)
	if left.equal(old) {
		return data, nil
	}
	for _, key := range keys {
		if old.sections[key] != nil {
			text = replace(text, key, "")
		}
	}
	return f.verbatim(text, left), nil
}

// verbatim is text if it means what it should. Where it doesn't, as the file is
// written in a way that can't be changed line by line, all is written anew.
func (f *Form) verbatim(text string, want *tree) []byte {
	if got, err := f.tree("", []byte(text)); err == nil && got.equal(want) {
		return []byte(text)
	}
	var b strings.Builder
	for _, key := range want.keys {
		b.WriteString(entry(key, want.sections[key]))
	}
	return []byte(b.String())
}

// replace puts an entry of the file itself in the place of the one with the key, or
// at the end. An entry reaches to the next line that is neither indented nor empty;
// one that goes takes the comment right above it along.
func replace(text, key, with string) string {
	lines := slices.Collect(strings.Lines(text))
	from := slices.IndexFunc(lines, func(line string) bool {
		rest, ok := strings.CutPrefix(line, key+":")
		return ok && (rest == "" || strings.ContainsAny(rest[:1], " \n\r"))
	})
	if from < 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + with
	}
	to := from + 1
	for to < len(lines) && strings.ContainsAny(lines[to][:1], " \n\r-") {
		to++
	}
	for to > from+1 && strings.TrimSpace(lines[to-1]) == "" {
		to--
	}
	if with == "" {
		for from > 0 && strings.HasPrefix(lines[from-1], "#") {
			from--
		}
	}
	return strings.Join(lines[:from], "") + with + strings.Join(lines[to:], "")
}

// tree is a file without its form: a section, a list, or a value's text.
type tree struct {
	kind     byte // one of the below
	keys     []string
	sections map[string]*tree
	elements []*tree
	text     string
}

const (
	section byte = iota
	list
	value
)

func (f *Form) tree(name string, data []byte) (*tree, error) {
	root, problem := f.document(data)
	if problem == nil {
		var t *tree
		if t, problem = treeOf(root, ""); problem == nil {
			return t, nil
		}
	}
	problem.File = name
	return nil, Problems{*problem}
}

func treeOf(node ast.Node, path string) (*tree, *Problem) {
	switch node := node.(type) {
	case *ast.MappingNode:
		t := &tree{kind: section, sections: map[string]*tree{}}
		for _, entry := range node.Values {
			key := entry.Key.GetToken().Value
			below, problem := treeOf(entry.Value, join(path, key))
			if problem != nil {
				return nil, problem
			}
			t.set(key, below)
		}
		return t, nil
	case *ast.SequenceNode:
		t := &tree{kind: list}
		for i, element := range node.Values {
			below, problem := treeOf(element, fmt.Sprintf("%s[%d]", path, i))
			if problem != nil {
				return nil, problem
			}
			t.elements = append(t.elements, below)
		}
		return t, nil
	case nil, *ast.NullNode:
		return nil, &Problem{Line: 0, Path: path, Text: "has no value"}
	}
	text, ok := scalarText(node)
	if !ok {
		return nil, &Problem{Line: lineOf(node), Path: path, Text: "is written in a way that can't be merged: " + strings.ToLower(node.Type().String())}
	}
	return &tree{kind: value, text: text}, nil
}

func (t *tree) set(key string, below *tree) {
	if t.sections[key] == nil {
		t.keys = append(t.keys, key)
	}
	t.sections[key] = below
}

// merge leaves both as they are.
func (t *tree) merge(over *tree) *tree {
	if t == nil || t.kind != section || over.kind != section {
		return over
	}
	merged := t.without(nil)
	for _, key := range over.keys {
		merged.set(key, t.sections[key].merge(over.sections[key]))
	}
	return merged
}

func (t *tree) without(keys []string) *tree {
	left := &tree{kind: section, sections: map[string]*tree{}}
	for _, key := range t.keys {
		if !slices.Contains(keys, key) {
			left.set(key, t.sections[key])
		}
	}
	return left
}

// equal has no regard to the order of keys.
func (t *tree) equal(other *tree) bool {
	if t == nil || other == nil {
		return t == other
	}
	for _, key := range t.keys {
		if !t.sections[key].equal(other.sections[key]) {
			return false
		}
	}
	return t.kind == other.kind && t.text == other.text && len(t.keys) == len(other.keys) &&
		slices.EqualFunc(t.elements, other.elements, (*tree).equal)
}

// entry writes a key of the file itself.
func entry(key string, t *tree) string {
	if t.kind == section && len(t.keys) > 0 {
		var b strings.Builder
		b.WriteString(quoted(key) + ":\n")
		for _, below := range t.keys {
			for line := range strings.Lines(entry(below, t.sections[below])) {
				b.WriteString("  " + line)
			}
		}
		return b.String()
	}
	return quoted(key) + ": " + t.flow() + "\n"
}

// flow writes it on one line.
func (t *tree) flow() string {
	var parts []string
	switch t.kind {
	case value:
		return quoted(t.text)
	case list:
		for _, element := range t.elements {
			parts = append(parts, element.flow())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	for _, key := range t.keys {
		parts = append(parts, quoted(key)+": "+t.sections[key].flow())
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quoted writes a value plainly where that is sure to be read as its text.
func quoted(text string) string {
	plain := text != "" && !slices.Contains([]string{"null", "Null", "NULL"}, text)
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		plain = plain && (letter || i > 0 && strings.ContainsRune("./_-+=", r) || i > 0 && r == ':' && i+1 < len(text))
	}
	if plain {
		return text
	}
	return strconv.Quote(text)
}
