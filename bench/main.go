// Command bench measures what Relève costs and how fast it is, and writes the
// figures to docs/benchmarks.md with the machine they were taken on. It drives
// the built programs in bin/ and `go test -bench`; it judges nothing.
//
// Each section is one entry of sections: a title, what was measured and how,
// and a function that gives a table. `-only` runs some of them and keeps what
// the page says of the others.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// section is one part of the page.
type section struct {
	name    string // for -only
	title   string
	about   string
	measure func(context.Context, *rig) (table, error)
}

var sections = []section{
	keepaliveCost,
	detection,
	hotPath,
	micro,
}

// rig is what the sections measure with.
type rig struct {
	root string
	runs int
	span time.Duration
	say  func(format string, args ...any)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "burn" {
		burn()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	out := flags.String("out", "docs/benchmarks.md", "the page to write")
	only := flags.String("only", "", "names of sections, with commas; the others stay as the page has them")
	runs := flags.Int("runs", 20, "runs of the lab for each row of detection")
	span := flags.Duration("span", 30*time.Second, "how long an agent's cost is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	r := &rig{root: root, runs: *runs, span: *span, say: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}}
	path := filepath.Join(root, *out)
	former, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	page := readPage(string(former))
	for _, s := range chosen {
		began := time.Now()
		r.say("%s ...", s.title)
		t, err := s.measure(ctx, r)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		page[s.title] = s.body(t, describeMachine())
		r.say("%s\n%.0f s\n", t.markdown(), time.Since(began).Seconds())
	}
	return os.WriteFile(path, []byte(writePage(sections, page)), 0o644)
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, s := range sections {
			if s.name == name {
				chosen, found = append(chosen, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no section %q", name)
		}
	}
	return chosen, nil
}
