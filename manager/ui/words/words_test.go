package words

import (
	"testing"

	"releve.dev/releve/web/wordstest"
)

// Each language has each text; the pages ask for all of them, and no others.
func TestCatalogues(t *testing.T) {
	wordstest.SameKeys(t, catalogues, Langs)
	wordstest.AllUsed(t, catalogues, Langs, "../*.go", "../pages/*")
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
