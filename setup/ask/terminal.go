package ask

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Terminal is a person at one.
type Terminal struct {
	ctx context.Context
	in  *bufio.Reader
	out io.Writer
}

var _ Person = (*Terminal)(nil)

// NewTerminal asks on out and reads lines of in, until the context ends.
func NewTerminal(ctx context.Context, in io.Reader, out io.Writer) *Terminal {
	return &Terminal{ctx, bufio.NewReader(in), out}
}

// Line reads one, or ends with the context: a read of a terminal goes on when a
// person gives up, and is left to itself.
func Line(ctx context.Context, in *bufio.Reader) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := in.ReadString('\n')
		done <- read{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		if r.err != nil && (!errors.Is(r.err, io.EOF) || r.line == "") {
			return "", errors.New("stopped; nothing has changed")
		}
		return strings.TrimRight(r.line, "\r\n"), nil
	}
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
	line, err := Line(t.ctx, t.in)
	if err != nil {
		fmt.Fprintln(t.out)
	}
	return line, err
}

func about(c Choice) string {
	if c.Text == "" {
		return ""
	}
	return "  " + c.Text
}
