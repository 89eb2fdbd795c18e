// Package wordstest checks catalogues of texts: that each language has each text, and
// that the pages ask for all of them and for no others.
package wordstest

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"releve.dev/releve/web/words"
)

// TextsOf are a catalogue's, in a language.
func TextsOf(t *testing.T, catalogues fs.FS, code string) map[string]string {
	t.Helper()
	text, err := fs.ReadFile(catalogues, code+".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Texts map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Texts
}

var places = regexp.MustCompile(`\{\d\}`)

// SameKeys wants each key in each language, with the same places for what is put in.
func SameKeys(t *testing.T, catalogues fs.FS, langs words.Langs) {
	t.Helper()
	first := TextsOf(t, catalogues, langs[0].Code)
	for _, l := range langs {
		texts := TextsOf(t, catalogues, l.Code)
		for key, text := range texts {
			want := first[key]
			a, b := places.FindAllString(text, -1), places.FindAllString(want, -1)
			slices.Sort(a)
			slices.Sort(b)
			if want == "" || text == "" || !slices.Equal(slices.Compact(a), slices.Compact(b)) {
				t.Errorf("%s in %s is %q, in %s %q", key, l.Code, text, langs[0].Code, want)
			}
		}
		for key := range first {
			if texts[key] == "" {
				t.Errorf("%s lacks %s", l.Code, key)
			}
		}
	}
}

// AllUsed wants what the sources ask for to be there, and of the catalogue nothing
// else. sources are patterns of files' names.
func AllUsed(t *testing.T, catalogues fs.FS, langs words.Langs, sources ...string) {
	t.Helper()
	asked, prefixes := asks(t, langs[0], sources)
	if len(asked) < 10 {
		t.Fatalf("only %d keys found", len(asked))
	}
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if !langs[0].Has(key) {
			t.Errorf("there is no text %s", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(TextsOf(t, catalogues, langs[0].Code))) {
		if not := strings.TrimSuffix(key, "-not"); asked[not] {
			continue
		}
		if !asked[key] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nobody asks for %s", key)
		}
	}
}

var (
	call    = regexp.MustCompile(`\.(T|N)\("([a-z0-9.-]+)"(\s*\+)?`)
	literal = regexp.MustCompile(`"([a-z0-9-]+\.[a-z0-9.-]*)"`)
)

// asks finds the keys that are written out, and the beginnings of those put together.
func asks(t *testing.T, l *words.Lang, sources []string) (asked map[string]bool, prefixes []string) {
	t.Helper()
	asked = map[string]bool{}
	for _, file := range filesOf(t, sources) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range call.FindAllStringSubmatch(string(text), -1) {
			switch key := found[2]; {
			case found[1] == "N":
				asked[key+".one"], asked[key+".other"] = true, true
			case found[3] == "":
				asked[key] = true
			}
		}
		for _, found := range literal.FindAllStringSubmatch(string(text), -1) {
			if strings.HasSuffix(found[1], ".") {
				prefixes = append(prefixes, found[1])
			} else if l.Has(found[1]) {
				asked[found[1]] = true
			}
		}
	}
	return asked, prefixes
}

func filesOf(t *testing.T, patterns []string) (files []string) {
	t.Helper()
	for _, pattern := range patterns {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		files = append(files, some...)
	}
	return slices.DeleteFunc(files, func(name string) bool {
		return strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") || filepath.Ext(name) != ".go" && filepath.Ext(name) != ".templ"
	})
}
