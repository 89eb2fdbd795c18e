package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Secret asks for what must not be seen: without an echo at a terminal, and as a
// line of in elsewhere.
func Secret(in io.Reader, out io.Writer, question string) (string, error) {
	file, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return Line(in)
	}
	fmt.Fprintf(out, "%s: ", question)
	secret, err := term.ReadPassword(int(file.Fd()))
	fmt.Fprintln(out)
	if err != nil {
		return "", fmt.Errorf("%s: %w", question, err)
	}
	return string(secret), nil
}

// Line reads one, without its end. What follows it is read by nobody.
func Line(in io.Reader) (string, error) {
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return "", errors.New("nothing to read on the standard input\nhint: give it there as a line, or run the command at a terminal")
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// Person reports whether somebody sits at in.
func Person(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
