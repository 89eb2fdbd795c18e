package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Table is a two-column table of a status.
type Table struct {
	Palette
	rows [][2]string
}

// NewTable is for out.
func NewTable(out io.Writer) *Table { return &Table{Palette: PaletteFor(out)} }

// Row adds one.
func (t *Table) Row(name, value string) { t.rows = append(t.rows, [2]string{name, value}) }

// Write writes the table, its columns under each other.
func (t *Table) Write(out io.Writer) error {
	width := 0
	for _, row := range t.rows {
		width = max(width, utf8.RuneCountInString(row[0]))
	}
	for _, row := range t.rows {
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(row[0]))
		if _, err := fmt.Fprintf(out, "  %s%s  %s\n", row[0], pad, row[1]); err != nil {
			return err
		}
	}
	return nil
}

// Age writes seconds as short as they can be read.
func Age(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Scaled writes a figure with as few digits as tell something.
func Scaled(n float64, unit string) string {
	for _, prefix := range []string{"", "k", "M", "G"} {
		if n < 999.5 {
			return fmt.Sprintf("%.3g %s%s", n, prefix, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.0f T%s", n, unit)
}
