package assets

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What isn't ours is what vendor-assets fetched.
func TestVendoredAsFetched(t *testing.T) {
	sums, err := os.ReadFile("vendored.sum")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(sums)), "\n")
	if len(lines) < 5 {
		t.Fatalf("only %d files", len(lines))
	}
	for _, line := range lines {
		fields := strings.Fields(line)
		text, err := os.ReadFile(filepath.Join("..", "..", "..", fields[1]))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != fields[0] {
			t.Errorf("%s isn't as it was fetched: %s", fields[1], got)
		}
	}
}

// What the first page takes fits in 150 KB, with 20 of them left for the page.
func TestSmall(t *testing.T) {
	total := 0
	for _, name := range []string{"tabler.css", "releve.css", "htmx.js", "hx-sse.js", "releve.js"} {
		r := httptest.NewRequest("GET", Path(name), nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		if w.Code != 200 || w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		total += w.Body.Len()
	}
	if total > 130_000 {
		t.Errorf("%d bytes", total)
	}
	t.Logf("%d bytes", total)
}

// An old name isn't answered with a new file.
func TestByDigestAlone(t *testing.T) {
	for _, path := range []string{Prefix + "releve.css", Prefix + "releve-000000000000.css", Prefix} {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
