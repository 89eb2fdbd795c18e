// Package assets has the style sheets and scripts of the pages, in the program
// itself: nothing is fetched from elsewhere. What isn't ours is from npm packages,
// by `make vendor-assets`; vendored.sum says which.
//
// Each is served under a name with its digest, for a year; so a page of another
// release never gets another's file from a cache.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Prefix is where they are.
const Prefix = "/assets/"

//go:embed files
var files embed.FS

// asset is a file as it is sent.
type asset struct {
	name  string // with its digest
	kind  string
	plain []byte
	small []byte // by gzip
}

// kinds are those of the files that there are.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// all are compressed once, when the first is asked for.
var all = sync.OnceValue(func() map[string]*asset {
	found := map[string]*asset{}
	entries, err := fs.ReadDir(files, "files")
	if err != nil {
		panic("assets: " + err.Error())
	}
	for _, e := range entries {
		text, err := fs.ReadFile(files, "files/"+e.Name())
		if err != nil {
			panic("assets: " + err.Error())
		}
		end := path.Ext(e.Name())
		a := &asset{kind: kinds[end], plain: text, small: compressed(text),
			name: fmt.Sprintf("%s-%.6x%s", strings.TrimSuffix(e.Name(), end), sha256.Sum256(text), end)}
		found[e.Name()], found[a.name] = a, a
	}
	return found
})

func compressed(text []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("assets: " + err.Error()) // memory takes all
	}
	return out.Bytes()
}

// Path is where the file of a name is.
func Path(name string) string {
	a := all()[name]
	if a == nil {
		panic("assets: there is no " + name)
	}
	return Prefix + a.name
}

// Handler serves them.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, Prefix)
		a := all()[name]
		if a == nil || a.name != name {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		text := a.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			text = a.small
		}
		_, _ = w.Write(text)
	})
}
