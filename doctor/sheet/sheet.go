// Package sheet writes findings for people, and for programs as JSON.
package sheet

import (
	"fmt"
	"io"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/terminal"
)

// Report is what a program prints as JSON.
type Report struct {
	Findings []doctor.Finding `json:"findings"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
}

// Of counts.
func Of(found []doctor.Finding) Report {
	r := Report{Findings: found}
	if found == nil {
		r.Findings = []doctor.Finding{}
	}
	for _, f := range found {
		switch f.Severity {
		case doctor.Error:
			r.Errors++
		case doctor.Warning:
			r.Warnings++
		}
	}
	return r
}

// Write writes the findings, each with what is wrong, where, why, and how to mend
// it, and the sum.
func Write(out io.Writer, found []doctor.Finding) error {
	p := terminal.PaletteFor(out)
	var b strings.Builder
	for _, f := range found {
		paint := map[doctor.Severity]func(string) string{doctor.Error: p.Bad, doctor.Warning: p.Wait, doctor.Note: p.Dim}[f.Severity]
		fmt.Fprintf(&b, "%s  %s  %s\n", paint(fmt.Sprintf("%-7s", f.Severity)), p.Bold(f.What), p.Dim(f.Where))
		fmt.Fprintf(&b, "         %s\n", f.Why)
		for _, r := range f.Remedies {
			remedy(&b, p, r)
		}
		if f.Setup {
			b.WriteString("         - releve azure ha mends it\n")
		}
	}
	sum := Of(found)
	switch {
	case len(found) == 0:
		fmt.Fprintln(&b, p.Good("nothing is wrong"))
	default:
		fmt.Fprintf(&b, "%s, %s\n", count(sum.Errors, "error"), count(sum.Warnings, "warning"))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func remedy(b *strings.Builder, p terminal.Palette, r doctor.Remedy) {
	switch {
	case r.Person != "":
		fmt.Fprintf(b, "         - %s\n", r.Person)
	case r.Guest != nil:
		fmt.Fprintf(b, "         - in the guest of the %s: %s\n", []string{"primary", "secondary"}[r.Guest.Member], r.Command)
	default:
		fmt.Fprintf(b, "         - %s\n", r.Command)
		fmt.Fprintf(b, "           %s\n", p.Dim("portal: "+r.Portal))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
