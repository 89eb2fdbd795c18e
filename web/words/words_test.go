package words

import (
	"testing"
	"testing/fstest"
)

func read2() Langs {
	return Read(fstest.MapFS{
		"en.json": {Data: []byte(`{"texts":{"hello":"Hello {0}","n.one":"{0} thing","n.other":"{0} things"}}`)},
		"fr.json": {Data: []byte(`{"texts":{"hello":"Bonjour {0}","n.one":"{0} chose","n.other":"{0} choses"},
			"said":{"* at *":"{0} à {1}","nobody":"personne"}}`)},
	})
}

func TestChoose(t *testing.T) {
	langs := read2()
	for _, c := range []struct{ chosen, accept, want string }{
		{"", "", "en"}, {"", "fr", "fr"}, {"", "de, fr-CA;q=0.8, en;q=0.3", "fr"}, {"", "fr;q=0.2, en;q=0.9", "en"}, {"en", "fr", "en"}, {"xx", "fr;q=x", "en"},
	} {
		if got := langs.Choose(c.chosen, c.accept).Code; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestTexts(t *testing.T) {
	en, fr := read2()[0], read2()[1]
	for _, c := range [][2]string{
		{en.T("hello", "you"), "Hello you"}, {fr.N("n", 0), "0 chose"}, {en.N("n", 0), "0 things"}, {en.N("n", 1), "1 thing"}, {en.T("none"), "⟨none⟩"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
	for said, want := range map[string]string{"nobody at 10.0.0.1": "personne à 10.0.0.1", "nobody": "personne"} {
		if got, known := fr.Said(said); !known || got != want {
			t.Errorf("%q: %q, %v", said, got, known)
		}
	}
	if got, known := fr.Said("something else entirely"); known || got != "something else entirely" {
		t.Errorf("what isn't in the catalogue: %q, %v", got, known)
	}
}
