// The program bench measures what the product costs and how fast it is, and
// writes docs/benchmarks.md. Each figure stands beside the physical limit or a
// peer measured in the same run, as the machine it runs on may be shared.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// section is one part of the page: it measures and returns Markdown.
type section struct {
	title   string
	measure func() (string, error)
}

var sections = []section{
	{"Keepalive cost", agentCost},
	{"Detection jitter", jitter},
	{"ARM time on the hot path", hotPath},
	{"Outage by timers", outages},
	{"Simulator", simulator},
	{"Through the cloud", throughCloud},
	{"A PoP with 2,000 sites", crowdedPoP},
	{"A site at the witness", witnessCost},
	{"A manager with 10,000 vSockets", managerCrowd},
	{"The page of 10,000 sites", siteLists},
	{"Small parts", micro},
}

var page = "docs/benchmarks.md"

func main() {
	if len(os.Args) > 1 && os.Args[1] == roleFlag {
		os.Exit(child(os.Args[2:]))
	}
	if len(os.Args) > 1 { // one section, to be looked at
		only := strings.Join(os.Args[1:], " ")
		sections = slices.DeleteFunc(sections, func(s section) bool { return s.title != only })
		page = os.Stdout.Name()
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var out strings.Builder
	fmt.Fprintf(&out, "# Benchmarks\n\nMade by `make bench`. %s\n", machine())
	var failed []error
	for _, s := range sections {
		fmt.Fprintf(os.Stderr, "%s ...", s.title)
		began := time.Now()
		text, err := s.measure()
		fmt.Fprintf(os.Stderr, " %.0f s\n", time.Since(began).Seconds())
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.title, err))
			continue
		}
		fmt.Fprintf(&out, "\n## %s\n\n%s", s.title, text)
	}
	if err := errors.Join(failed...); err != nil {
		return err // the page stays as it was: half a page would look like a whole one
	}
	return os.WriteFile(page, []byte(out.String()), 0o644)
}

// table writes a Markdown table.
func table(head []string, rows [][]string) string {
	var out strings.Builder
	line := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	line(strings.Split(strings.Repeat("-", len(head)), ""))
	for _, row := range rows {
		line(row)
	}
	return out.String()
}
