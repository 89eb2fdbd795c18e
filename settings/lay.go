package settings

import "reflect"

// Lay lays a value from elsewhere over the file's. It is judged as if the file had
// it, and in messages source stands for where it comes from. An empty text leaves
// what the file has.
func (b *Binding) Lay(source, path string, into any, text string) {
	if text == "" {
		return
	}
	b.From(source, path)
	if err := setScalar(reflect.ValueOf(into).Elem(), text); err != nil {
		b.unfit(b.lines[path], path, "%v", err)
	}
}

// From says that there is something at path that comes from elsewhere: a section,
// or a list whose elements are laid one by one.
func (b *Binding) From(source, path string) {
	if b.sources == nil {
		b.sources = map[string]string{}
	}
	b.lines[path], b.sources[path] = 0, source
}

// origin is what a problem at path names as its file: where the value is from, or
// the section that lacks it.
func (b *Binding) origin(path string) string {
	for {
		if source, ok := b.sources[path]; ok {
			return source
		}
		if _, ok := b.lines[path]; ok {
			return b.file
		}
		path = parent(path)
	}
}
