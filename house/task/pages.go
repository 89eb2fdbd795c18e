package main

import (
	"context"
	"path/filepath"
	"strings"
)

// pageNeeds is what the tests of the pages take. They find any Chromium or Chrome,
// and are skipped where there is none.
var pageNeeds = []need{
	{"chromium", "the pages are tested in a browser", func() bool {
		return !has("apt-get") || has("chromium") || has("chromium-browser") || has("google-chrome")
	}},
}

// labPages looks at a real lab's pages in a browser, by itself: times are measured.
var labPages = step{name: "a lab's pages", run: func(ctx context.Context, s *shop) outcome {
	return s.goTest(ctx, []string{"RELEVE_PROGRAMS=" + filepath.Join(s.root, "bin")}, []string{"-count=1"}, s.choose(pkg.isLabsBrowser))
}}

// screenshots makes a picture of each page, in both languages and themes, into a
// folder that git ignores.
func screenshots(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx, debian(pageNeeds), modules, step{name: "screenshots", run: func(ctx context.Context, s *shop) outcome {
		chosen := s.choose(func(p pkg) bool { return strings.HasSuffix(p.ImportPath, "/manager/ui") })
		return s.goTest(ctx, []string{"RELEVE_SCREENSHOTS=" + filepath.Join(s.root, "bin", "screenshots")}, []string{"-run=Browser", "-count=1"}, chosen)
	}})
}
