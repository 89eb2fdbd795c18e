package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
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

// labPages looks at a real lab's pages in a browser, by itself: times are measured.
var labPages = step{name: "a lab's pages", run: func(ctx context.Context, s *shop) outcome {
	return s.goTest(ctx, []string{"RELEVE_PROGRAMS=" + filepath.Join(s.root, "bin")}, []string{"-count=1"}, s.choose(pkg.isLabsBrowser))
}}

// pagesOf are the packages whose tests look at each page.
var pagesOf = []string{"manager/ui", "vsocket/webui"}

// screenshots makes a picture of each page, in both languages and themes, into a
// folder that git ignores; those that the docs use go to docs/images.
func screenshots(ctx context.Context, s *shop, _ []string) error {
	folder := filepath.Join(s.root, "bin", "screenshots")
	return s.do(ctx, debian(pageNeeds), modules, step{name: "screenshots", run: func(ctx context.Context, s *shop) outcome {
		chosen := s.choose(func(p pkg) bool { return slices.Contains(pagesOf, shortPath(p.ImportPath)) })
		return s.goTest(ctx, []string{"RELEVE_SCREENSHOTS=" + folder}, []string{"-run=Browser.*Page", "-count=1"}, chosen)
	}}, step{name: "pictures of the docs", run: func(_ context.Context, s *shop) outcome {
		return one("docs/images", picture(folder, filepath.Join(s.root, "docs", "images")))
	}})
}

// pictures are those that README.md and docs use, by their names in docs/images.
var pictures = map[string]string{
	"sites.png": "manager-light-en-sites.png", "overview.png": "manager-light-en-sites-paris.png", "overview-dark.png": "manager-dark-fr-sites-paris.png",
	"overview-phone.png": "phone-manager-light-en-sites-paris.png", "socket.png": "manager-light-en-sites-paris-socket.png",
	"analytics.png": "manager-light-en-sites-paris-analytics.png", "failovers.png": "manager-light-en-sites-paris-failovers.png", "vsocket.png": "vsocket-light-en.png", "vsocket-ha.png": "vsocket-dark-en-ha.png",
	"vsocket-ping.png": "vsocket-light-en-tools-ping.png",
}

// mostPicture is what one may weigh in the repo.
const mostPicture = 150_000

// picture copies them, made small.
func picture(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
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
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, fewColours(seen)); err != nil {
			return err
		}
		if small.Len() > mostPicture {
			return fmt.Errorf("%s has %d bytes, more than %d", shot, small.Len(), mostPicture)
		}
		if err := os.WriteFile(filepath.Join(to, name), small.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fewColours is a picture in its 256 most used colours, the others by the nearest of
// these: pages have few, and text's edges bear it.
func fewColours(seen image.Image) *image.Paletted {
	area, used := seen.Bounds(), map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(seen.At(x, y)).(color.RGBA) }
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			used[at(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(used), func(a, b color.RGBA) int { return used[b] - used[a] })
	small := image.NewPaletted(area, nil)
	for _, c := range most[:min(len(most), 256)] {
		small.Palette = append(small.Palette, c)
	}
	index := map[color.RGBA]uint8{}
	for c := range used {
		index[c] = uint8(small.Palette.Index(c))
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			small.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return small
}
