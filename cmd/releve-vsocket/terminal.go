package main

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"
)

// palette colours words for a person at a terminal, and leaves them as they are
// for everything else.
type palette struct{ on bool }

func paletteFor(out io.Writer) palette {
	file, ok := out.(*os.File)
	return palette{ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))}
}

func (p palette) good(text string) string { return p.paint("32", text) }
func (p palette) bad(text string) string  { return p.paint("31;1", text) }
func (p palette) wait(text string) string { return p.paint("33", text) }
func (p palette) bold(text string) string { return p.paint("1", text) }
func (p palette) dim(text string) string  { return p.paint("2", text) }

func (p palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// printJSON prints one value, indented for people who look at it.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
