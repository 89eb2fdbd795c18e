package settings

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a config file.
type Problem struct {
	File string
	Line int    // from 1; of a key that is missing, the line of its section; 0: not from a file
	Path string // like ha.peer.lan; empty for the file as a whole
	Text string // the value and the rule that it breaks
	Hint string // the remedy, where there is one to name
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	if p.Hint != "" {
		b.WriteString("\nhint: " + p.Hint)
	}
	return b.String()
}

// Problems is the error of a file that can be read but not used: everything
// that is wrong with it, by line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}
