package rules

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// MostLines is how long a Go file may be.
const MostLines = 600

// Nameless are folders that say nothing of what is in them.
var Nameless = []string{"util", "utils", "common", "helper", "helpers", "internal", "misc", "pkg", "shared"}

// checkLength says that a file is too long.
func checkLength(s Source) []string {
	if s.Generated || s.Lines <= MostLines {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d lines; split it by idea (at most %d)", s.Path, s.Lines, MostLines)}
}

// checkFolder says that a folder's name says nothing.
func checkFolder(file string) []string {
	for part := range strings.SplitSeq(path.Dir(file), "/") {
		if slices.Contains(Nameless, part) {
			return []string{fmt.Sprintf("%s: a folder is named for what it holds, not %q", file, part)}
		}
	}
	return nil
}

// checkDocs says which packages don't have exactly one doc comment. A package
// of tests alone has it in a test file.
func checkDocs(sources []Source) []string {
	type packageFiles struct{ code, docs, testDocs int }
	packages := map[string]*packageFiles{}
	for _, s := range sources {
		p := packages[s.Folder]
		if p == nil {
			p = &packageFiles{}
			packages[s.Folder] = p
		}
		switch {
		case !s.Test && s.File.Doc != nil:
			p.code, p.docs = p.code+1, p.docs+1
		case !s.Test:
			p.code++
		case s.File.Doc != nil:
			p.testDocs++
		}
	}
	var wrong []string
	for folder, p := range packages {
		docs := p.docs
		if p.code == 0 {
			docs = p.testDocs
		}
		if docs != 1 {
			wrong = append(wrong, fmt.Sprintf("%s: %d package doc comments, want 1", folder, docs))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// checkFormat says that a file isn't as gofmt writes it.
func checkFormat(root string, s Source) []string {
	text, err := os.ReadFile(filepath.Join(root, s.Path))
	if err != nil {
		return []string{err.Error()}
	}
	formatted, err := format.Source(text)
	if err != nil || bytes.Equal(text, formatted) {
		return nil // what doesn't parse isn't for gofmt to say
	}
	return []string{s.Path + ": not as gofmt writes it"}
}

// unfinished are marks of work left over; put together here, so that this file
// has none.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

// checkWords says where a text has a mark of unfinished work, or a word that
// ties the repo to one machine: paths and hosts known only when this runs.
func checkWords(file, text string, machine []string) []string {
	var wrong []string
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if mark := unfinished.FindString(line); mark != "" {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s: finish it, or file an issue", file, n, mark))
		}
		for _, word := range machine {
			if strings.Contains(line, word) {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %q is this machine's, not the project's", file, n, word))
			}
		}
	}
	return wrong
}

// link is a Markdown link to a file: no address, no anchor alone.
var link = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)

// checkLinks says which links of a Markdown text lead nowhere in the repo.
func checkLinks(root, file, text string) []string {
	var wrong []string
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		target := path.Join(path.Dir(file), match[1])
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: the link to %s leads nowhere", file, match[1]))
		}
	}
	return wrong
}

// decisionFile is a decision's page: its number, then what it is about.
var decisionFile = regexp.MustCompile(`^docs/decisions/(\d{4})-[a-z0-9-]+\.md$`)

// checkDecisions says which decisions share a number or aren't in the list.
func checkDecisions(files []string, list string) []string {
	var wrong []string
	numbers := map[string]string{}
	for _, file := range files {
		match := decisionFile.FindStringSubmatch(file)
		if match == nil {
			continue
		}
		if other := numbers[match[1]]; other != "" {
			wrong = append(wrong, fmt.Sprintf("%s and %s have one number", other, file))
		}
		numbers[match[1]] = file
		if !strings.Contains(list, "]("+path.Base(file)+")") {
			wrong = append(wrong, file+" isn't listed in docs/decisions/README.md")
		}
	}
	return wrong
}
