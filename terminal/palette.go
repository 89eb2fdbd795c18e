package terminal

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"
)

// Palette colours words for a person at a terminal, and leaves them as they are
// for everything else.
type Palette struct{ on bool }

// PaletteFor says whether out is such a terminal.
func PaletteFor(out io.Writer) Palette {
	file, ok := out.(*os.File)
	return Palette{ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))}
}

func (p Palette) Good(text string) string { return p.paint("32", text) }
func (p Palette) Bad(text string) string  { return p.paint("31;1", text) }
func (p Palette) Wait(text string) string { return p.paint("33", text) }
func (p Palette) Bold(text string) string { return p.paint("1", text) }
func (p Palette) Dim(text string) string  { return p.paint("2", text) }

func (p Palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// PrintJSON prints one value, indented for people who look at it.
func PrintJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
