package words

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each key is in each language, with the same places for what is put in.
func TestSameKeys(t *testing.T) {
	places := regexp.MustCompile(`\{\d\}`)
	first := Langs[0]
	for _, l := range Langs {
		for key, text := range l.texts {
			want := first.texts[key]
			a, b := places.FindAllString(text, -1), places.FindAllString(want, -1)
			slices.Sort(a)
			slices.Sort(b)
			if want == "" || text == "" || !slices.Equal(slices.Compact(a), slices.Compact(b)) {
				t.Errorf("%s in %s is %q, in %s %q", key, l.Code, text, first.Code, want)
			}
		}
		for key := range first.texts {
			if l.texts[key] == "" {
				t.Errorf("%s lacks %s", l.Code, key)
			}
		}
	}
}

// What the pages ask for is there, and nothing else.
func TestAllKeysAreUsed(t *testing.T) {
	asked := map[string]bool{}
	var prefixes []string
	call := regexp.MustCompile(`\.(T|N)\("([a-z0-9.-]+)"(\s*\+)?`)
	literal := regexp.MustCompile(`"([a-z0-9-]+\.[a-z0-9.-]*)"`)
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	views, err := filepath.Glob("../pages/*")
	if err != nil || len(views) == 0 {
		t.Fatal(err)
	}
	own, _ := filepath.Glob("words.go")
	for _, file := range slices.Concat(files, views, own) {
		if strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
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
			} else if Langs[0].Has(found[1]) {
				asked[found[1]] = true
			}
		}
	}
	if len(asked) < 20 {
		t.Fatalf("only %d keys found", len(asked))
	}
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if !Langs[0].Has(key) {
			t.Errorf("there is no text %s", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(Langs[0].texts)) {
		if not := strings.TrimSuffix(key, "-not"); asked[not] {
			continue
		}
		if !asked[key] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nobody asks for %s", key)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct{ chosen, accept, want string }{
		{"", "", "en"}, {"", "fr-FR,fr;q=0.9,en;q=0.8", "fr"}, {"", "en,fr", "en"}, {"", "de, fr;q=0.5, en;q=0.4", "fr"},
		{"en", "fr", "en"}, {"xx", "fr", "fr"}, {"", "fr;q=x, ,;;", "en"}, {"", "fr;q=0", "en"},
	} {
		if got := Choose(c.chosen, c.accept).Code; got != c.want {
			t.Errorf("%q of %q: %s", c.chosen, c.accept, got)
		}
	}
}

func TestSaid(t *testing.T) {
	fr := Choose("fr", "")
	for sentence, want := range map[string]string{
		"the primary: nothing heard since 2026-11-26 10:00:00 UTC": "le primaire : plus rien entendu depuis 2026-11-26 10:00:00 UTC",
		"its tunnel is down": "son tunnel est coupé",
	} {
		if got, known := fr.Said(sentence); got != want || !known {
			t.Errorf("%q: %q %t", sentence, got, known)
		}
	}
	if got, known := fr.Said("a new sentence of the agent"); known || got != "a new sentence of the agent" {
		t.Errorf("%q %t", got, known)
	}
}
