package term

import "testing"

func TestPadAndCutCountCharacters(t *testing.T) {
	for _, c := range []struct {
		text string
		to   int
		pad  string
	}{{"ab", 4, "ab  "}, {"où?", 4, "où? "}, {"abcdef", 4, "abc…"}, {"éàüöñ", 3, "éà…"}, {"", 2, "  "}} {
		if got := Pad(c.text, c.to); got != c.pad {
			t.Errorf("Pad(%q, %d) = %q, want %q", c.text, c.to, got, c.pad)
		}
	}
}

func TestNoColourMeansNone(t *testing.T) {
	for _, paint := range []func(Style, string) string{Style.Bold, Style.Dim, Style.Good, Style.Bad, Style.Busy, Style.Note} {
		if got := paint(Style{}, "x"); got != "x" {
			t.Errorf("%q without colours", got)
		}
		if got := paint(Style{Color: true}, "x"); len(got) < 5 || got[0] != 0x1b {
			t.Errorf("%q with colours", got)
		}
	}
}
