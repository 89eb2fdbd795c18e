package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Grid is a table of columns with a head.
type Grid struct {
	Palette
	head  []string
	rows  [][]string
	paint map[[2]int]func(string) string // by row and column
}

// NewGrid is for out.
func NewGrid(out io.Writer, head ...string) *Grid {
	return &Grid{Palette: PaletteFor(out), head: head, paint: map[[2]int]func(string) string{}}
}

// Row adds one, with a cell for each column.
func (g *Grid) Row(cells ...string) { g.rows = append(g.rows, cells) }

// Paint colours a cell of the last row.
func (g *Grid) Paint(column int, with func(string) string) {
	g.paint[[2]int{len(g.rows) - 1, column}] = with
}

// Write writes the grid, its columns under each other.
func (g *Grid) Write(out io.Writer) error {
	widths := make([]int, len(g.head))
	for _, row := range append([][]string{g.head}, g.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	line := func(row []string, with func(column int) func(string) string) error {
		var text strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if paint := with(i); paint != nil {
				cell = paint(cell)
			}
			text.WriteString(cell + pad + "  ")
		}
		_, err := fmt.Fprintln(out, strings.TrimRight(text.String(), " "))
		return err
	}
	if err := line(g.head, func(int) func(string) string { return g.Dim }); err != nil {
		return err
	}
	for r, row := range g.rows {
		if err := line(row, func(c int) func(string) string { return g.paint[[2]int{r, c}] }); err != nil {
			return err
		}
	}
	return nil
}
