// Package page draws what all pages have in common, the manager's and a vSocket's
// own: the frame around them, and the parts that they are put together from. It is
// given a language and a look; it asks nobody and decides nothing.
package page

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"releve.dev/releve/web/words"
)

// Frame is what each page knows of who looks at it.
type Frame struct {
	*words.Lang
	Langs words.Langs // to choose from
	Look  string      // "light", "dark"; "auto": as the browser likes
	Path  string      // of the page, to come back to
	Now   time.Time
}

// theme is what the page has before look.js knows better.
func (f *Frame) theme() string {
	if f.Look == "dark" {
		return "dark"
	}
	return "light"
}

// nextLook is what the button for it chooses.
func (f *Frame) nextLook() string {
	if f.Look == "dark" {
		return "light"
	}
	return "dark"
}

// Here marks the part of the pages that this one is in.
func (f *Frame) Here(part string) bool {
	path, _, _ := strings.Cut(f.Path, "?")
	return path == part || part != "/" && strings.HasPrefix(path, part+"/")
}

// others are the languages that aren't this one.
func (f *Frame) others() []*words.Lang {
	var others []*words.Lang
	for _, l := range f.Langs {
		if l.Code != f.Code {
			others = append(others, l)
		}
	}
	return others
}

// Around is what stands around a page.
type Around struct {
	Title   string // of the page
	Name    string // of what the page belongs to
	Foot    string
	Groups  []Group // the ways to other pages; none: nobody has signed in
	Person  Person
	Refresh bool // something goes on: without scripts the page asks again
}

// Person is who has signed in.
type Person struct {
	Name, Role string
	Path       string // of what they may set for themselves; "": nothing
}

// Group is ways that belong together. Name may be empty.
type Group struct {
	Name  string
	Links []Link
}

// Link is a way to a page; Icon is one of icons.
type Link struct{ Path, Label, Icon string }

// Field is an input of a form, and how what was typed is.
type Field struct {
	Name, Label, Hint string
	Value             string
	Kind              string // "": text
	Complete          string // autocomplete; "": off
	Least, Most       string // of a number
	Optional          bool
	FromFragment      bool     // releve.js puts in what stands behind the address's #
	Wrong             []string // in English, as other parts of Relève say it
	Fine              bool     // it was checked, and nothing is wrong
}

func (i *Field) kind() string {
	if i.Kind == "" {
		return "text"
	}
	return i.Kind
}

func (i *Field) complete() string {
	if i.Complete == "" {
		return "off"
	}
	return i.Complete
}

// value is what was typed; a password isn't sent back.
func (i *Field) value() string {
	if i.Kind == "password" {
		return ""
	}
	return i.Value
}

func (i *Field) describedBy() string {
	var ids []string
	if i.Hint != "" {
		ids = append(ids, i.Name+"-hint")
	}
	if len(i.Wrong) > 0 {
		ids = append(ids, i.Name+"-wrong")
	}
	return strings.Join(ids, " ")
}

// limits are attributes of a number's field.
func (i *Field) limits() templ.Attributes {
	if i.Least == "" && i.Most == "" {
		return nil
	}
	return templ.Attributes{"inputmode": "numeric", "min": i.Least, "max": i.Most}
}

// split is an error's sentence and its remedies.
func split(problem string) (sentence string, hints []string) {
	lines := strings.Split(strings.TrimSpace(problem), "\n")
	for _, line := range lines[1:] {
		if hint, ok := strings.CutPrefix(line, "hint: "); ok {
			hints = append(hints, hint)
		} else {
			lines[0] += " " + line
		}
	}
	return lines[0], hints
}

// Sentence is an error's first one, without its remedies.
func Sentence(problem string) string {
	sentence, _ := split(problem)
	return sentence
}

func hints(problem string) []string {
	_, all := split(problem)
	return all
}
