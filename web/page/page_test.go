package page

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"releve.dev/releve/web/words"
	"releve.dev/releve/web/wordstest"
)

// langs have what all pages say, and nothing of any page's own.
var langs = words.Read(fstest.MapFS{"en.json": {Data: []byte("{}")}, "fr.json": {Data: []byte("{}")}})

// Each language has each text that all pages share, and no others.
func TestCatalogues(t *testing.T) {
	common := os.DirFS("../words")
	wordstest.SameKeys(t, common, langs)
	wordstest.AllUsed(t, common, langs, "*.go", "*.templ", "../words/words.go")
}

func drawn(t *testing.T, f *Frame, a Around) string {
	t.Helper()
	var text strings.Builder
	if err := f.Layout(a).Render(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Who hasn't signed in sees no way to other pages; who has, where they are.
func TestWays(t *testing.T) {
	f := &Frame{Lang: langs[0], Langs: langs, Look: "auto", Path: "/sites/1?x=y"}
	if page := drawn(t, f, Around{Name: "Relève"}); strings.Contains(page, "<nav") || strings.Contains(page, "sign-out") || !strings.Contains(page, "Français") {
		t.Error(page)
	}
	page := drawn(t, f, Around{Name: "Relève", Person: Person{Name: "ann"}, Groups: []Group{{Links: []Link{{"/sites", "Sites", "sites"}, {"/events", "Events", "events"}}}}})
	if strings.Count(page, `aria-current="page"`) != 1 || !strings.Contains(page, `href="/sites" aria-current="page"`) || !strings.Contains(page, "ann") {
		t.Error(page)
	}
}

// Each icon can be drawn: its path is of commands and numbers alone.
func TestIcons(t *testing.T) {
	for name, d := range icons {
		if strings.Trim(d, "MmLlHhVvCcSsAaZz0123456789.- ") != "" || !strings.HasPrefix(d, "M") {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestSplit(t *testing.T) {
	sentence, remedies := split("no answer\nof anybody\nhint: wait\nhint: or ask\n")
	if sentence != "no answer of anybody" || strings.Join(remedies, ",") != "wait,or ask" {
		t.Errorf("%q %q", sentence, remedies)
	}
}
