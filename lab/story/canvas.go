package story

import (
	"strings"

	"releve.dev/releve/lab/term"
)

// ink is how a cell is painted.
type ink uint8

const (
	plain ink = iota
	dim
	good
	bad
	busy
	note
	bold
)

func (i ink) paint(s term.Style, text string) string {
	switch i {
	case dim:
		return s.Dim(text)
	case good:
		return s.Good(text)
	case bad:
		return s.Bad(text)
	case busy:
		return s.Busy(text)
	case note:
		return s.Note(text)
	case bold:
		return s.Bold(text)
	}
	return text
}

// canvas is a rectangle of painted characters.
type canvas struct {
	width int
	cells [][]rune
	inks  [][]ink
}

func newCanvas(width, height int) *canvas {
	c := &canvas{width: width}
	for range height {
		c.cells = append(c.cells, []rune(strings.Repeat(" ", width)))
		c.inks = append(c.inks, make([]ink, width))
	}
	return c
}

// put writes text from a place on; what doesn't fit is cut.
func (c *canvas) put(x, y int, i ink, text string) {
	for _, r := range text {
		if x >= 0 && x < c.width && y < len(c.cells) {
			c.cells[y][x], c.inks[y][x] = r, i
		}
		x++
	}
}

// box draws a frame.
func (c *canvas) box(x, y, width, height int, i ink) {
	line := strings.Repeat("─", width-2)
	c.put(x, y, i, "╭"+line+"╮")
	for row := y + 1; row < y+height-1; row++ {
		c.put(x, row, i, "│")
		c.put(x+width-1, row, i, "│")
	}
	c.put(x, y+height-1, i, "╰"+line+"╯")
}

// lines renders the canvas, one escape sequence for each run of an ink.
func (c *canvas) lines(s term.Style) []string {
	var out []string
	for y, row := range c.cells {
		var line strings.Builder
		end := len(row)
		for end > 0 && row[end-1] == ' ' {
			end--
		}
		for x := 0; x < end; {
			from := x
			for x < end && c.inks[y][x] == c.inks[y][from] {
				x++
			}
			line.WriteString(c.inks[y][from].paint(s, string(row[from:x])))
		}
		out = append(out, line.String())
	}
	return out
}
