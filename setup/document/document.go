// Package document holds Azure's resources as JSON: documents that keep what we
// don't know, their ids, and what differs between two of them.
//
// A document is never built from scratch where one exists: it is read, changed
// and written back, so that a property of a later api-version, or of somebody
// else's, outlives us (requirement B5).
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// Document is a resource, or a part of one. Nil: the resource isn't there. Inside
// are only what encoding/json makes, with numbers as json.Number; Set sees to it.
type Document map[string]any

// Parse reads one JSON object.
func Parse(data []byte) (Document, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var d Document
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("reading a resource: %w", err)
	}
	if d == nil {
		return nil, errors.New("reading a resource: it is null")
	}
	if decoder.More() {
		return nil, errors.New("reading a resource: there is more than one")
	}
	return d, nil
}

// Must reads a text of our own, such as a body in a plan or a test.
func Must(text string) Document {
	d, err := Parse([]byte(text))
	if err != nil {
		panic(fmt.Sprintf("document: %v in %s", err, text))
	}
	return d
}

// JSON writes the document, its names in order, so that equal ones are equal
// bytes.
func (d Document) JSON() []byte { return write(map[string]any(d)) }

func write(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("document: can't be written: %v", err))
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// Clone is a copy that shares nothing.
func (d Document) Clone() Document {
	if d == nil {
		return nil
	}
	return Document(plain(d).(map[string]any))
}

// Get is the value at a path of names, nil if it isn't there.
func (d Document) Get(path ...string) any {
	var value any = map[string]any(d)
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

// Text is the string at a path, "" if there is none.
func (d Document) Text(path ...string) string {
	text, _ := d.Get(path...).(string)
	return text
}

// Bool is the truth at a path, false if there is none.
func (d Document) Bool(path ...string) bool {
	truth, _ := d.Get(path...).(bool)
	return truth
}

// Object is the object at a path, nil if there is none. It is a part of d: what
// is set in it is set in d.
func (d Document) Object(path ...string) Document {
	object, _ := d.Get(path...).(map[string]any)
	return object
}

// Objects are those of the list at a path. They are parts of d.
func (d Document) Objects(path ...string) []Document {
	list, _ := d.Get(path...).([]any)
	objects := make([]Document, 0, len(list))
	for _, element := range list {
		if object, ok := element.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// Texts are the strings of the list at a path.
func (d Document) Texts(path ...string) []string {
	list, _ := d.Get(path...).([]any)
	texts := make([]string, 0, len(list))
	for _, element := range list {
		if text, ok := element.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// Set puts a copy of value at a path, and makes the objects on the way. What
// stands in the way and is no object is replaced.
func (d Document) Set(value any, path ...string) {
	object := map[string]any(d)
	for _, name := range path[:len(path)-1] {
		next, ok := object[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[name] = next
		}
		object = next
	}
	object[path[len(path)-1]] = plain(value)
}

// Delete takes the value at a path away, if it is there.
func (d Document) Delete(path ...string) {
	last := len(path) - 1
	if object := d.Object(path[:last]...); object != nil {
		delete(object, path[last])
	}
}

// plain is a copy of value, made of what encoding/json makes.
func plain(value any) any {
	switch value := value.(type) {
	case nil, string, bool, json.Number:
		return value
	case Document:
		return plain(map[string]any(value))
	case map[string]any:
		object := maps.Clone(value)
		if object == nil {
			return nil
		}
		for name, inside := range object {
			object[name] = plain(inside)
		}
		return object
	case []any:
		return list(value)
	case []Document:
		return list(value)
	case []string:
		return list(value)
	case map[string]string:
		object := make(map[string]any, len(value))
		for name, text := range value {
			object[name] = text
		}
		return object
	case int:
		return json.Number(fmt.Sprint(value))
	}
	panic(fmt.Sprintf("document: no way to hold a %T", value))
}

func list[T any](values []T) []any {
	copied := make([]any, len(values))
	for i, value := range values {
		copied[i] = plain(value)
	}
	return copied
}
