package rules

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the path that all of our packages begin with.
const Module = "releve.dev/releve"

// Source is one Go file of the repo.
type Source struct {
	Path      string // from the repo's root, with slashes
	Folder    string
	Lines     int
	Test      bool
	Generated bool
	File      *ast.File
	Set       *token.FileSet
}

// Root finds the repo's root from the folder that a test runs in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Files lists the repo's own files of the kinds that people write: what is
// built, what git keeps for itself and what is no file is left out.
func Files(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if rel == ".git" || rel == "bin" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	return files, err
}

// Sources parses all Go files but those kept as test data.
func Sources(root string) ([]Source, error) {
	files, err := Files(root)
	if err != nil {
		return nil, err
	}
	var sources []Source
	for _, file := range files {
		if !strings.HasSuffix(file, ".go") || strings.Contains("/"+file, "/testdata/") {
			continue
		}
		source, err := parse(root, file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

func parse(root, file string) (Source, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return Source{}, err
	}
	return parseText(file, text)
}

func parseText(file string, text []byte) (Source, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return Source{}, err
	}
	return Source{
		Path: file, Folder: path.Dir(file), Lines: bytes.Count(text, []byte("\n")),
		Test: strings.HasSuffix(file, "_test.go"), Generated: ast.IsGenerated(tree), File: tree, Set: set,
	}, nil
}

// Imports lists the imported paths by the name that the file calls them.
func (s Source) Imports() map[string]string {
	imports := map[string]string{}
	for _, spec := range s.File.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it
		}
		name := path.Base(target)
		if name == "v2" {
			name = path.Base(path.Dir(target))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imports[name] = target
	}
	return imports
}

// At names a place in the file.
func (s Source) At(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", s.Path, s.Set.Position(pos).Line)
}
