package main

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How long each target is fuzzed: by `make test`, and by `make test-all`.
const (
	guardFuzz = 3 * time.Second
	allFuzz   = 20 * time.Second
)

// target is one fuzz test. Go fuzzes one target of one package at a time.
type target struct{ pkg, name string }

func fuzzFor(each time.Duration) step { return fuzzMatching(each, "") }

func fuzzMatching(each time.Duration, only string) step {
	return step{name: fmt.Sprintf("fuzzing, %s each", each), run: func(ctx context.Context, s *shop) outcome {
		return s.fuzz(ctx, each, only)
	}}
}

func (s *shop) fuzz(ctx context.Context, each time.Duration, only string) outcome {
	targets, err := fuzzTargets(s.list)
	if err != nil {
		return one("find the fuzz targets", err)
	}
	targets = slices.DeleteFunc(targets, func(t target) bool { return !strings.Contains(t.name, only) })
	if len(targets) == 0 {
		return outcome{note: "no fuzz target", uncounted: true}
	}
	var sum outcome
	for i, t := range targets {
		s.screen.at("%d of %d: %s %s", i+1, len(targets), shortPath(t.pkg), t.name)
		out, err := s.output(ctx, nil, "go", "test", "-vet=off", "-run=^$", "-fuzz=^"+t.name+"$",
			"-fuzztime="+each.String(), "-fuzzminimizetime=5s", t.pkg)
		if err != nil && !endedByTheClock(out) {
			sum.failures = append(sum.failures, failure{t.pkg + " " + t.name, string(out) + err.Error()})
			continue
		}
		sum.passed++
	}
	sum.note = fmt.Sprintf("%d targets", len(targets))
	return sum
}

// endedByTheClock: on a busy machine Go's coordinator sometimes takes the end of
// -fuzztime for a failure of the target (a race between a context and its child
// in internal/fuzz). A real failure has written its input down.
func endedByTheClock(out []byte) bool {
	return bytes.Contains(out, []byte("    context deadline exceeded\n")) && !bytes.Contains(out, []byte("Failing input written"))
}

// fuzzTargets reads the test files: asking the test binaries would build them all.
func fuzzTargets(list []pkg) ([]target, error) {
	var found []target
	for _, p := range list {
		for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			names, err := fuzzNames(filepath.Join(p.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				found = append(found, target{p.ImportPath, name})
			}
		}
	}
	return found, nil
}

func fuzzNames(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("read the test file: %w", err)
	}
	var names []string
	for _, decl := range file.Decls {
		f, isFunc := decl.(*ast.FuncDecl)
		if isFunc && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") && len(f.Type.Params.List) == 1 {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}
