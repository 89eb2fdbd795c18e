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

// page is what a whole run writes; "": the screen.
var page = "docs/benchmarks.md"

func main() {
	if len(os.Args) > 1 && os.Args[1] == roleFlag {
		os.Exit(child(os.Args[2:]))
	}
	err := choose(os.Args[1:])
	if err == nil {
		err = built()
	}
	if err == nil {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// choose leaves the one section that words name, to be looked at; no words: all.
func choose(words []string) error {
	if len(words) == 0 {
		return nil
	}
	only := strings.Join(words, " ")
	chosen := slices.DeleteFunc(slices.Clone(sections), func(s section) bool { return s.title != only })
	if len(chosen) == 0 {
		titles := make([]string, len(sections))
		for i, s := range sections {
			titles[i] = s.title
		}
		return fmt.Errorf("no section %q\nhint: one of: %s", only, strings.Join(titles, "; "))
	}
	sections, page = chosen, ""
	return nil
}

// built reports what isn't there to be measured.
func built() error {
	for _, program := range []string{"releve", "releve-vsocket", "releve-pop", "releve-manager"} {
		if _, err := os.Stat("bin/" + program); err != nil {
			return fmt.Errorf("%w\nhint: make build, at the root of the repo", err)
		}
	}
	return nil
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
	if page == "" {
		_, err := os.Stdout.WriteString(out.String())
		return err
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
