// Package pages draws a vSocket's own pages: what it is given, in a language and a
// look. It asks nobody and decides nothing.
package pages

import (
	"embed"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/a-h/templ"

	"releve.dev/releve/site"
	"releve.dev/releve/web/page"
	"releve.dev/releve/web/words"
)

//go:embed en.json fr.json
var catalogues embed.FS

// Langs are the languages of these pages.
var Langs = words.Read(catalogues)

// Frame is what each page has around it.
type Frame struct {
	page.Frame
	Name    string // of the vSocket: its site and side
	Known   bool   // somebody has signed in
	Initial bool   // with the first password, which nobody has chosen
	Refresh bool   // something goes on: without scripts the page asks again
}

// ways are the pages that somebody may go to from each.
func (f *Frame) ways() []page.Group {
	if !f.Known {
		return nil
	}
	return []page.Group{{Links: []page.Link{{Path: "/", Label: f.T("nav.monitoring"), Icon: "pulse"}, {Path: "/ha", Label: f.T("nav.ha"), Icon: "pair"},
		{Path: "/tools", Label: f.T("nav.tools"), Icon: "terminal"}, {Path: "/password", Label: f.T("nav.password"), Icon: "lock"}}}}
}

// person is the one who may sign in.
func (f *Frame) person() page.Person { return page.Person{Name: f.T("signin.who"), Role: f.Name} }

func secret(f *Frame, name, label, hint, complete string) templ.Component {
	return f.Field(page.Field{Name: name, Label: label, Hint: hint, Kind: "password", Complete: complete})
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
