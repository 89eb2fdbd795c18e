package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// asset is a file of an npm package that the pages are made with, or tested.
type asset struct{ pkg, file, to string }

// assets are all of them, at these versions. Nothing is fetched when the product is
// built, tested or run: they are committed, with their sums.
var assets = []asset{
	{"@tabler/core@1.6.1", "dist/css/tabler.min.css", "web/assets/files/tabler.css"},
	{"htmx.org@4.0.1", "dist/htmx.min.js", "web/assets/files/htmx.js"},
	{"htmx.org@4.0.1", "dist/ext/hx-sse.min.js", "web/assets/files/hx-sse.js"},
	{"uplot@1.6.32", "dist/uPlot.iife.min.js", "web/assets/files/uplot.js"},
	{"uplot@1.6.32", "dist/uPlot.min.css", "web/assets/files/uplot.css"},
	{"axe-core@4.14.1", "axe.min.js", "web/browsertest/axe.js"},
}

// assetSums says of each file where it is from, and what it is.
const assetSums = "web/assets/vendored.sum"

// vendorAssets gets them from their packages by npm, which checks the packages.
func vendorAssets(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx, step{name: "assets", run: func(ctx context.Context, s *shop) outcome {
		return one("assets", s.vendor(ctx))
	}})
}

func (s *shop) vendor(ctx context.Context) error {
	if !has("npm") {
		return errors.New("missing: npm\nhint: apt-get install npm; it is needed for this alone")
	}
	folder, err := os.MkdirTemp("", "releve-assets-")
	if err != nil {
		return err
	}
	s.clean.remove(folder)
	defer func() { _ = os.RemoveAll(folder) }()
	packages := map[string]map[string][]byte{}
	var sums strings.Builder
	for _, a := range assets {
		if packages[a.pkg] == nil {
			s.screen.at("npm pack %s", a.pkg)
			if packages[a.pkg], err = s.npm(ctx, folder, a.pkg); err != nil {
				return fmt.Errorf("%s: %w", a.pkg, err)
			}
		}
		text, there := packages[a.pkg][a.file]
		if !there {
			return fmt.Errorf("%s has no %s", a.pkg, a.file)
		}
		text = withoutMap(text)
		if err := os.WriteFile(filepath.Join(s.root, a.to), text, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s  %s %s\n", sha256.Sum256(text), a.to, a.pkg, a.file)
	}
	return os.WriteFile(filepath.Join(s.root, assetSums), []byte(sums.String()), 0o644)
}

// withoutMap leaves out where the source map would be: browsers would ask for it.
func withoutMap(text []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	lines = slices.DeleteFunc(lines, func(l []byte) bool {
		return bytes.HasPrefix(l, []byte("//# sourceMappingURL=")) || bytes.HasPrefix(l, []byte("/*# sourceMappingURL="))
	})
	return append(bytes.Join(lines, []byte("\n")), '\n')
}

// npm fetches a package, and returns its files.
func (s *shop) npm(ctx context.Context, folder, pkg string) (map[string][]byte, error) {
	said, err := s.output(ctx, nil, "npm", "pack", "--silent", "--json", "--pack-destination", folder, pkg)
	if err != nil {
		return nil, err
	}
	var packed []struct{ Filename string }
	if err := json.Unmarshal(said, &packed); err != nil || len(packed) != 1 {
		return nil, fmt.Errorf("npm said what can't be read: %q", said)
	}
	name := strings.NewReplacer("@", "", "/", "-").Replace(packed[0].Filename)
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return untar(file)
}

// untar reads what npm packs: all is in a folder "package".
func untar(from io.Reader) (map[string][]byte, error) {
	plain, err := gzip.NewReader(from)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		files[strings.TrimPrefix(h.Name, "package/")] = text
	}
}
