package ask

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Terminal is a person at one.
type Terminal struct {
	in  *bufio.Reader
	out io.Writer
}

var _ Person = (*Terminal)(nil)

// NewTerminal asks on out and reads lines of in.
func NewTerminal(in io.Reader, out io.Writer) *Terminal {
	return &Terminal{bufio.NewReader(in), out}
}

// Answer shows a question, with its menu and default, and reads a line.
func (t *Terminal) Answer(q Question, problem string) (string, error) {
	if problem != "" {
		fmt.Fprintln(t.out, "  "+strings.ReplaceAll(problem, "\n", "\n  "))
	}
	for i, c := range q.Choices {
		fmt.Fprintf(t.out, "  %2d  %s%s\n", i+1, c.Value, about(c))
	}
	fmt.Fprint(t.out, q.Text)
	switch {
	case q.Default != "":
		fmt.Fprintf(t.out, " [%s]", q.Default)
	case q.Optional:
		fmt.Fprint(t.out, " [none]")
	}
	fmt.Fprint(t.out, ": ")
	line, err := t.in.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		fmt.Fprintln(t.out)
		return "", errors.New("stopped; nothing has changed")
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func about(c Choice) string {
	if c.Text == "" {
		return ""
	}
	return "  " + c.Text
}
