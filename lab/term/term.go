// Package term says what a terminal may be shown: restrained colours where it
// has them, plain text where output is piped or NO_COLOR is set
// (https://no-color.org).
package term

import (
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Style paints, or leaves text alone.
type Style struct{ Color bool }

// Of is the style for a file.
func Of(file *os.File) Style { return Style{Color: Live(file) && os.Getenv("NO_COLOR") == ""} }

// Live reports whether a file is a terminal on which lines can be redrawn.
func Live(file *os.File) bool {
	return term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
}

// Size is the terminal's columns and rows, 80 by 24 where it doesn't tell.
func Size(file *os.File) (columns, rows int) {
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil || columns < 20 || rows < 2 {
		return 80, 24
	}
	return columns, rows
}

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for headings.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what can be skipped.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Good is for what works.
func (s Style) Good(text string) string { return s.paint("32", text) }

// Bad is for what is broken.
func (s Style) Bad(text string) string { return s.paint("31", text) }

// Busy is for what is changing.
func (s Style) Busy(text string) string { return s.paint("33", text) }

// Note is for what the eye should find.
func (s Style) Note(text string) string { return s.paint("36", text) }

// Pad fills plain text with blanks up to a width, or cuts it there.
func Pad(text string, width int) string {
	n := utf8.RuneCountInString(text)
	if n > width {
		return Cut(text, width)
	}
	return text + strings.Repeat(" ", width-n)
}

// Cut shortens plain text to a width, with an ellipsis where something is gone.
func Cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width || width < 1 {
		return text
	}
	runes := []rune(text)
	return string(runes[:width-1]) + "…"
}
