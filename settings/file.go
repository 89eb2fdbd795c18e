// Package settings reads a program's YAML file strictly and in full: every problem
// is told, with its line, its key and the remedy, and none is passed over. It
// also writes the commented sample of such a file.
//
// The file's form is a struct: yaml tags are the keys, doc tags their comments.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Form is what a program's files have in common.
type Form struct {
	Sample  string                 // the command that prints a sample
	Section func(reflect.Type) any // makes an optional section (a pointer) with its defaults; nil: they have none
}

// MaxFile bounds what is read: the largest files are a PoP's, of some thousand
// sites.
const MaxFile = 16 << 20

// Read reads the file at path.
func (f *Form) Read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no config file %s\nhint: %s > %s makes a commented one", path, f.Sample, path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the config file: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the config file: %w", err)
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("config file %s is larger than %d bytes", path, MaxFile)
	}
	return data, nil
}

// Bind lays data onto the struct that into points to, over the defaults that are
// in it; name stands for the file in messages. The error, of a text that is no
// such file at all, is Problems; what is wrong with single keys is in the Binding.
func (f *Form) Bind(name string, data []byte, into any) (*Binding, error) {
	root, problem := f.document(data)
	if problem != nil {
		problem.File = name
		return nil, Problems{*problem}
	}
	b := &Binding{form: f, file: name, lines: map[string]int{"": 1}, bad: map[string]bool{}}
	b.section(root, reflect.ValueOf(into).Elem(), "")
	return b, nil
}

// Problems are all that were found, by line.
func (b *Binding) Problems() Problems {
	slices.SortStableFunc(b.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return b.problems
}

// document returns the one mapping that the file consists of.
func (f *Form) document(data []byte) (*ast.MappingNode, *Problem) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxProblem(err)
	}
	if len(file.Docs) > 1 {
		line := 1
		if start := file.Docs[1].Start; start != nil {
			line = start.Position.Line
		}
		return nil, &Problem{Line: line, Text: "the file holds more than one document"}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, &Problem{Line: 1, Text: "the file is empty",
			Hint: f.Sample + " prints a commented one"}
	}
	root, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return nil, &Problem{Line: lineOf(file.Docs[0].Body), Text: "the file is not a list of \"key: value\" lines"}
	}
	return root, nil
}

func syntaxProblem(err error) *Problem {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		problem := &Problem{Line: 1, Text: syntax.GetMessage()}
		if token := syntax.GetToken(); token != nil && token.Position != nil {
			problem.Line = token.Position.Line
		}
		return problem
	}
	return &Problem{Line: 1, Text: err.Error()}
}
