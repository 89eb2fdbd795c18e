// Package pages draws a vSocket's own pages: what it is given, in a language and a
// look. It asks nobody and decides nothing.
package pages

import (
	"embed"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/web/words"
)

//go:embed en.json fr.json
var catalogues embed.FS

// Langs are the languages of these pages.
var Langs = words.Read(catalogues)

// Frame is what each page has around it.
type Frame struct {
	*words.Lang
	Look    string // "light", "dark"; "auto": as the browser likes
	Path    string // of the page, to come back to
	Name    string // of the vSocket: its site and side
	Known   bool   // somebody has signed in
	Initial bool   // with the first password, which nobody has chosen
	Refresh bool   // something goes on: without scripts the page asks again
	Now     time.Time
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

// here marks the part of the pages that this one is in.
func (f *Frame) here(part string) bool {
	path, _, _ := strings.Cut(f.Path, "?")
	return path == part || part != "/" && strings.HasPrefix(path, part+"/")
}

func (f *Frame) otherLangs() []*words.Lang {
	var others []*words.Lang
	for _, l := range Langs {
		if l.Code != f.Code {
			others = append(others, l)
		}
	}
	return others
}

// translated is a sentence of the agent's, and whether it is in this language.
func (f *Frame) translated(sentence string) string {
	text, _ := f.Said(sentence)
	return text
}

func (f *Frame) speaks(sentence string) bool {
	_, known := f.Said(sentence)
	return known
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

// span is a length of time, to two figures or so.
func (f *Frame) span(seconds float64) string {
	switch {
	case seconds < 1:
		return f.decimal(fmt.Sprintf("%.0f ms", seconds*1000))
	case seconds < 120:
		return f.decimal(fmt.Sprintf("%.0f s", seconds))
	case seconds < 2*3600:
		return fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 48*3600:
		return fmt.Sprintf("%.0f h", seconds/3600)
	}
	return fmt.Sprintf("%.0f %s", seconds/86400, f.T("unit.days"))
}

func (f *Frame) ms(d time.Duration) string {
	return f.decimal(fmt.Sprintf("%.2f ms", site.Milliseconds(d)))
}

// scaled is a quantity with the prefix that suits it.
func (f *Frame) scaled(value float64, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T"}
	for len(prefixes) > 1 && value >= 1000 {
		value, prefixes = value/1000, prefixes[1:]
	}
	form := "%.0f %s%s"
	if prefixes[0] != "" && value < 100 {
		form = "%.1f %s%s"
	}
	return f.decimal(fmt.Sprintf(form, value, prefixes[0], unit))
}

// bytes are octets in French.
func (f *Frame) bytes(n uint64) string { return f.scaled(float64(n), f.T("unit.byte")) }

func (f *Frame) decimal(text string) string {
	if f.Code == "fr" {
		return strings.ReplaceAll(text, ".", ",")
	}
	return text
}

// address is an address as text; the zero one has none.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return "–"
	}
	return a.String()
}

func first(problem string) string {
	sentence, _ := split(problem)
	return sentence
}

func hints(problem string) []string {
	_, all := split(problem)
	return all
}
