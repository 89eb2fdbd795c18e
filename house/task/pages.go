package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
)

// pageNeeds is what the tests of the pages take. They find any Chromium or Chrome,
// and are skipped where there is none.
var pageNeeds = []need{
	{"chromium", "the pages are tested in a browser", func() bool {
		return !has("apt-get") || has("chromium") || has("chromium-browser") || has("google-chrome")
	}},
}

// pagesOf are the packages whose tests look at each page.
var pagesOf = []string{"manager/ui", "vsocket/webui"}

// screenshots makes a picture of each page, in both languages and themes, into a
// folder that git ignores; those that the docs use go to docs/images.
func screenshots(ctx context.Context, s *shop, _ []string) error {
	folder := filepath.Join(s.root, "bin", "screenshots")
	return s.do(ctx, debian(pageNeeds), modules, step{name: "screenshots", run: func(ctx context.Context, s *shop) outcome {
		chosen := s.choose(func(p pkg) bool { return slices.Contains(pagesOf, shortPath(p.ImportPath)) })
		return s.goTest(ctx, []string{"RELEVE_SCREENSHOTS=" + folder}, []string{"-run=BrowserEachPage", "-count=1"}, chosen)
	}}, step{name: "pictures of the docs", run: func(_ context.Context, s *shop) outcome {
		return one("docs/images", picture(folder, filepath.Join(s.root, "docs", "images")))
	}})
}

// pictures are those that README.md and docs use, by their names in docs/images.
var pictures = map[string]string{
	"sites.png": "manager-light-en-sites.png", "overview.png": "manager-light-en-sites-paris.png", "overview-dark.png": "manager-dark-fr-sites-paris.png",
	"overview-phone.png": "phone-manager-light-en-sites-paris.png", "socket.png": "manager-light-en-sites-paris-socket.png",
	"analytics.png": "manager-light-en-sites-paris-analytics.png", "vsocket.png": "vsocket-light-en.png", "vsocket-ha.png": "vsocket-dark-en-ha.png",
	"vsocket-ping.png": "vsocket-light-en-tools-ping.png",
}

// mostPicture is what one may weigh in the repo.
const mostPicture = 150_000

// picture copies them, as small as Go's encoder makes them.
func picture(from, to string) error {
	for name, shot := range pictures {
		text, err := os.ReadFile(filepath.Join(from, shot))
		if err != nil {
			return fmt.Errorf("%w\nhint: without Chromium or Chrome there are none", err)
		}
		seen, err := png.Decode(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("%s: %w", shot, err)
		}
		var small bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, seen); err != nil {
			return err
		}
		if small.Len() > mostPicture {
			return fmt.Errorf("%s has %d bytes, more than %d", shot, small.Len(), mostPicture)
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), small.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
