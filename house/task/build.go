package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// programs builds every program under cmd/ into bin/: static, without cgo, and
// without the paths of the machine that built it.
var programs = step{name: "build", gate: true, run: func(ctx context.Context, s *shop) outcome {
	note, err := s.build(ctx)
	return prepared("build", note, err)
}}

func (s *shop) build(ctx context.Context) (note string, err error) {
	dirs, err := filepath.Glob(filepath.Join(s.root, "cmd", "*"))
	if err != nil || len(dirs) == 0 {
		return "", fmt.Errorf("no program under cmd/")
	}
	if err := os.MkdirAll(filepath.Join(s.root, "bin"), 0o755); err != nil {
		return "", err
	}
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-o", "bin" + string(filepath.Separator)}
	var names []string
	for _, dir := range dirs {
		args = append(args, "./cmd/"+filepath.Base(dir))
		names = append(names, "bin/"+filepath.Base(dir))
	}
	began, compiled := time.Now(), 0
	var said strings.Builder
	err = s.lines(ctx, nil, func(line []byte) {
		switch {
		case bytes.HasPrefix(line, []byte("go: downloading ")):
			s.screen.at("fetching %s", line[len("go: downloading "):])
		case isPackage(line):
			compiled++
			s.screen.at("package %d: %s", compiled, line)
		default:
			fmt.Fprintf(&said, "%s\n", line)
		}
	}, "go", args...)
	if err != nil {
		return "", fmt.Errorf("%s%w", said.String(), err)
	}
	return fmt.Sprintf("%s; %d packages compiled in %.0f s", strings.Join(names, ", "),
		compiled, time.Since(began).Seconds()), nil
}

// isPackage tells the import paths that `go build -v` prints from complaints.
func isPackage(line []byte) bool {
	return len(line) > 0 && !bytes.ContainsAny(line, " :#\t")
}
