package events

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/site"
)

// Filter says which events of an account are meant. Its zero value is all.
type Filter struct {
	Site   string // its id
	Kinds  []event.Kind
	Role   site.Side // NoSide: any
	Serial string
	From   time.Time // not before
	Until  time.Time // before
	Text   string    // words, each of which is in the event, in any letters' case
}

// The limits of a filter.
const (
	mostWords = 8
	mostText  = 200
	mostKinds = 32
)

// Check says what is wrong with a filter.
func (f *Filter) Check() error {
	switch {
	case len(f.Text) > mostText || len(strings.Fields(f.Text)) > mostWords:
		return fmt.Errorf("search for %d bytes, %d words: at most %d and %d", len(f.Text), len(strings.Fields(f.Text)), mostText, mostWords)
	case len(f.Kinds) > mostKinds:
		return fmt.Errorf("%d kinds: at most %d", len(f.Kinds), mostKinds)
	}
	return nil
}

// where is a condition in the making.
type where struct {
	terms []string
	args  []any
}

// add puts a term, in which ? stands for the values.
func (w *where) add(term string, values ...any) {
	for _, v := range values {
		w.args = append(w.args, v)
		term = strings.Replace(term, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	w.terms = append(w.terms, term)
}

func (w *where) String() string { return strings.Join(w.terms, " AND ") }

// residue are the filter's conditions that the rows of an index are looked
// through for: all but those that the index is of. The time is the index's order.
// They name no bare column that another index has, or a planner might take that,
// and sort all it gives for each page.
func (f *Filter) residue(w *where, by string) {
	if f.Site != "" && by != "site_id" {
		w.add("site_id || '' = ?", f.Site)
	}
	if f.Serial != "" {
		w.add("serial || '' = ?", f.Serial)
	}
	if len(f.Kinds) > 0 && by != "kind" {
		var values []any
		for _, k := range f.Kinds {
			values = append(values, string(k))
		}
		w.add("kind || '' IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
	if f.Role != site.NoSide {
		w.add("role = ?", f.Role.String())
	}
	for _, word := range strings.Fields(f.Text) {
		w.add(`words LIKE ? ESCAPE '\'`, "%"+escape.Replace(strings.ToLower(word))+"%")
	}
}

// escape makes a word match only itself in LIKE.
var escape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// fits is the filter for one event, as the database has it for many.
func (f *Filter) fits(e *Kept) bool {
	if f.Site != "" && f.Site != e.SiteID || f.Serial != "" && f.Serial != e.ID.Serial ||
		f.Role != site.NoSide && f.Role != e.Role || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind) ||
		!f.From.IsZero() && millis(e.Time) < millis(f.From) || !f.Until.IsZero() && millis(e.Time) >= millis(f.Until) {
		return false
	}
	for _, word := range strings.Fields(f.Text) {
		if !strings.Contains(wordsOf(&e.Event), strings.ToLower(word)) {
			return false
		}
	}
	return true
}

// wordsOf is what a text is looked for in.
func wordsOf(e *event.Event) string {
	old := ""
	if e.OldVersion != nil {
		old = e.OldVersion.String()
	}
	return strings.ToLower(strings.Join([]string{e.Message, e.Reason, e.Kind.Describe().SubType, string(e.Kind), e.Site, e.ID.Serial, e.PeerSerial,
		e.Version.String(), old, e.Interface, e.PoP, e.Timeline}, " "))
}
