package settings

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Sample is a complete, commented file: the doc tag of each key, its default, and
// an example's value. Keys that the example leaves out are there as comments.
type Sample struct {
	Head     string            // comment lines above all
	Example  any               // a struct, the values; its sections are all there
	Defaults any               // the same struct with the defaults
	Unset    map[string]string // by the field's name: the value of a key that is left out and has no default
}

// Text writes it.
func (s *Sample) Text() string {
	var b strings.Builder
	b.WriteString(s.Head + "\n")
	s.section(&b, reflect.ValueOf(s.Example), reflect.ValueOf(s.Defaults), "")
	return b.String()
}

func (s *Sample) section(b *strings.Builder, values, defaults reflect.Value, indent string) {
	t := values.Type()
	apart := false // whether a blank line goes before the next key
	for i := range t.NumField() {
		field, value, standard := t.Field(i), values.Field(i), defaults.Field(i)
		doc := field.Tag.Get("doc")
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
			if standard = standard.Elem(); !standard.IsValid() {
				standard = reflect.Zero(value.Type())
			}
		}
		if isSection(value.Type()) {
			if indent == "" && i > 0 {
				b.WriteString("\n")
			}
			apart = indent == ""
			writeComment(b, indent, doc)
			fmt.Fprintf(b, "%s%s:\n", indent, keyOf(field))
			s.section(b, value, standard, indent+"  ")
			continue
		}
		if apart {
			b.WriteString("\n")
			apart = false
		}
		if !standard.IsZero() {
			doc += " Default: " + scalar(standard) + "."
		}
		writeComment(b, indent, doc)
		if isList(value.Type()) {
			fmt.Fprintf(b, "%s%s:\n", indent, keyOf(field))
			s.list(b, value, indent+"  ")
			apart = indent == ""
			continue
		}
		if value.IsZero() && field.Type != reflect.TypeFor[time.Duration]() {
			fmt.Fprintf(b, "%s# %s: %s\n", indent, keyOf(field), s.unset(field.Name, standard))
			continue
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, keyOf(field), scalar(value))
	}
}

// isList tells a list of sections from one of values.
func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice && isSection(t.Elem()) }

// writeList writes a list of sections, which have no defaults.
func (s *Sample) list(b *strings.Builder, values reflect.Value, indent string) {
	for i := range values.Len() {
		var item strings.Builder
		s.section(&item, values.Index(i), reflect.Zero(values.Type().Elem()), "")
		mark := "" // the first key gets the dash, after its comment
		for line := range strings.Lines(item.String()) {
			switch {
			case mark == "" && !strings.HasPrefix(line, "#"):
				b.WriteString(indent + "- " + line)
				mark = "  "
			case line == "\n":
				b.WriteString(line)
			default:
				b.WriteString(indent + mark + line)
			}
		}
	}
}

// unset is what a key that is left out might say.
func (s *Sample) unset(name string, standard reflect.Value) string {
	if !standard.IsZero() {
		return scalar(standard)
	}
	if text, ok := s.Unset[name]; ok {
		return text
	}
	panic("settings: the sample has no value for " + name)
}

func scalar(value reflect.Value) string {
	if d, ok := value.Interface().(time.Duration); ok {
		return Duration(d)
	}
	if value.Kind() == reflect.Slice {
		words := make([]string, value.Len())
		for i := range words {
			words[i] = scalar(value.Index(i))
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return fmt.Sprint(value.Interface())
}

// writeComment wraps text to 80 columns.
func writeComment(b *strings.Builder, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 80 {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
