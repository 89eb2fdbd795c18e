package words

import (
	"embed"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// textsOf are a catalogue's.
func textsOf(t *testing.T, files embed.FS, code string) map[string]string {
	t.Helper()
	text, err := files.ReadFile(code + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Texts map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Texts
}

// Each key is in each language, with the same places for what is put in.
func TestSameKeys(t *testing.T) {
	places := regexp.MustCompile(`\{\d\}`)
	first := textsOf(t, catalogues, Langs[0].Code)
	for _, l := range Langs {
		texts := textsOf(t, catalogues, l.Code)
		for key, text := range texts {
			want := first[key]
			a, b := places.FindAllString(text, -1), places.FindAllString(want, -1)
			slices.Sort(a)
			slices.Sort(b)
			if want == "" || text == "" || !slices.Equal(slices.Compact(a), slices.Compact(b)) {
				t.Errorf("%s in %s is %q, in %s %q", key, l.Code, text, Langs[0].Code, want)
			}
		}
		for key := range first {
			if texts[key] == "" {
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
	shared, _ := filepath.Glob("../../../web/words/words.go")
	for _, file := range slices.Concat(files, views, shared) {
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
	for _, key := range slices.Sorted(maps.Keys(textsOf(t, catalogues, Langs[0].Code))) {
		if not := strings.TrimSuffix(key, "-not"); asked[not] {
			continue
		}
		if !asked[key] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nobody asks for %s", key)
		}
	}
}

func TestSaid(t *testing.T) {
	fr := Langs.Choose("fr", "")
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
