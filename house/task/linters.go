package main

import (
	"context"
	"fmt"
	"strings"
)

var vet = step{name: "go vet", run: func(ctx context.Context, s *shop) outcome {
	return s.judge(ctx, "go vet", "vet", "./...")
}}

var staticcheck = tool("staticcheck", "./...")

// golangci runs the restrained set of .golangci.yml. It costs minutes to build.
var golangci = tool("golangci-lint", "run", "./...")

// tool is a step that runs a linter pinned in tools/go.mod: a file of its own,
// so that the linter's needs never raise the product's versions.
func tool(name string, args ...string) step {
	return step{name: name, run: func(ctx context.Context, s *shop) outcome {
		return s.judge(ctx, name, append([]string{"tool", "-modfile=tools/go.mod", name}, args...)...)
	}}
}

// asBuilt makes a linter compile the modules that we use as `make build` does, so
// that they are compiled once: the largest of them takes a minute.
var asBuilt = []string{"GOFLAGS=-trimpath"}

// judge runs a go command whose complaints come line by line.
func (s *shop) judge(ctx context.Context, name string, args ...string) outcome {
	var said strings.Builder
	err := s.lines(ctx, asBuilt, func(line []byte) {
		if text := string(line); strings.HasPrefix(text, "go: downloading ") {
			s.screen.at("fetching %s", strings.TrimPrefix(text, "go: downloading "))
			return
		}
		fmt.Fprintf(&said, "%s\n", line)
	}, "go", args...)
	if err != nil {
		err = fmt.Errorf("%s%w", said.String(), err)
	}
	return one(name, err)
}
