package pages

import (
	"testing"

	"releve.dev/releve/web/wordstest"
)

// Each language has each text; the pages ask for all of them, and no others.
func TestCatalogues(t *testing.T) {
	wordstest.SameKeys(t, catalogues, Langs)
	wordstest.AllUsed(t, catalogues, Langs, "*.go", "*.templ", "../*.go")
}
