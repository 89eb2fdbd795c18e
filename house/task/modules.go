package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// pkg is what `go list -json` says of one package of ours.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Deps         []string
	TestImports  []string
	XTestImports []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// modules lists our packages; on a fresh machine that fetches the modules they
// need, their tests' too.
var modules = step{name: "modules", gate: true, run: func(ctx context.Context, s *shop) outcome {
	fetched := 0
	err := s.lines(ctx, nil, func(line []byte) {
		if bytes.HasPrefix(line, []byte("go: downloading ")) {
			fetched++
			s.screen.at("%d fetched: %s", fetched, line[len("go: downloading "):])
		}
	}, "go", "list", "-deps", "-test", "-f", "", "./...")
	if err != nil {
		_, err = s.output(ctx, nil, "go", "list", "-deps", "-test", "./...") // once more, for its words
	}
	if err == nil {
		s.list, err = s.packages(ctx)
	}
	return prepared("modules", fmt.Sprintf("%d packages of ours, %d modules fetched", len(s.list), fetched), err)
}}

func (s *shop) packages(ctx context.Context) ([]pkg, error) {
	out, err := s.output(ctx, nil, "go", "list",
		"-json=ImportPath,Name,Dir,Deps,TestImports,XTestImports,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, err
	}
	return decodeList(out)
}

func decodeList(out []byte) ([]pkg, error) {
	var list []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("read go list's answer: %w", err)
		}
		list = append(list, p)
	}
}

func (p pkg) hasTests() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

// dear says that a build of the package's tests compiles Azure's typed network
// module: 2 GB and a minute of CPU for each build mode, so it is built once,
// without the race detector.
func (p pkg) dear() bool {
	typed := func(path string) bool { return strings.Contains(path, "/armnetwork") }
	return slices.ContainsFunc(p.Deps, typed) ||
		slices.ContainsFunc(p.TestImports, typed) ||
		slices.ContainsFunc(p.XTestImports, typed)
}

// isSimulator says that the package may start no goroutine (house/rules), so that
// the race detector has nothing to find in its tests, and takes ten times as long.
func (p pkg) isSimulator() bool { return strings.HasSuffix(p.ImportPath, "/sim") }

// isLabsBrowser says that the package's tests want a machine for themselves.
func (p pkg) isLabsBrowser() bool { return strings.HasSuffix(p.ImportPath, "/lab/browser") }

// isRules says that the package is checked by a step of its own.
func (p pkg) isRules() bool { return strings.HasSuffix(p.ImportPath, "/house/rules") }
