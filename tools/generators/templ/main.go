// Command templ writes the Go of .templ files: templ FOLDER, for all in it. It is
// templ's own generator without its command, whose editor support would bring two
// dozen modules.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"

	"github.com/a-h/templ/generator"
	"github.com/a-h/templ/parser/v2"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: templ FOLDER")
		os.Exit(2)
	}
	if err := folder(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "templ:", err)
		os.Exit(1)
	}
}

func folder(name string) error {
	files, err := filepath.Glob(filepath.Join(name, "*.templ"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no .templ file in %s", name)
	}
	for _, file := range files {
		if err := generate(file); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

func generate(file string) error {
	parsed, err := parser.Parse(file)
	if err != nil {
		return err
	}
	found, err := parser.Diagnose(parsed)
	if err != nil {
		return err
	}
	for _, d := range found {
		return fmt.Errorf("line %d: %s", d.Range.From.Line+1, d.Message)
	}
	var text bytes.Buffer
	if _, err := generator.Generate(parsed, &text, generator.WithFileName(filepath.Base(file))); err != nil {
		return err
	}
	made, err := format.Source(text.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(file, ".templ")+"_templ.go", made, 0o644)
}
