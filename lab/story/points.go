package story

import (
	"fmt"
	"io"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/term"
)

// Points tells of each crash point when it has been played.
func Points(out io.Writer, style term.Style) func(report.Point) {
	fmt.Fprintln(out, style.Dim("First two takeovers, handovers and failbacks unharmed, to learn the steps …"))
	return func(p report.Point) { fmt.Fprintln(out, p.Line(style)) }
}
