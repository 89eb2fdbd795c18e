package main

import (
	"fmt"
	"strings"
)

// table is what a section found.
type table struct {
	head []string
	rows [][]string
	note string // what a reader must know to read the figures
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t table) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(t.head, " | "), strings.Repeat("---|", len(t.head)))
	for _, row := range t.rows {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
	}
	if t.note != "" {
		fmt.Fprintf(&text, "\n%s\n", t.note)
	}
	return text.String()
}

// body is a section as the page has it, below its title.
func (s section) body(t table, machine string) string {
	return fmt.Sprintf("%s\n\n%s\nMeasured on: %s\n", s.about, t.markdown(), machine)
}

const (
	intro = `# Benchmarks

Written by ` + "`make bench`" + `; not edited by hand. The figures are of a development machine that emulates a whole site, Azure
included, on its few cores: good for seeing what costs what, and whether a change made it dearer.
`
	unmeasured = "Not measured yet: run `make bench`.\n"
)

// readPage takes a page apart into sections by title.
func readPage(text string) map[string]string {
	page := map[string]string{}
	for i, part := range strings.Split(text, "\n## ") {
		title, body, found := strings.Cut(part, "\n")
		if i > 0 && found {
			page[title] = strings.Trim(body, "\n") + "\n"
		}
	}
	return page
}

// writePage puts the sections together in their order. What the page has of a
// section that is no more is left out.
func writePage(all []section, page map[string]string) string {
	var text strings.Builder
	text.WriteString(intro)
	for _, s := range all {
		body := page[s.title]
		if body == "" {
			body = unmeasured
		}
		fmt.Fprintf(&text, "\n## %s\n\n%s", s.title, body)
	}
	return text.String()
}
