package store_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What sqlc reads and what it wrote are as they were when it ran last. To run it
// here would take minutes to build; `make generate` runs it, then writes the sums.
func TestQueriesAreGenerated(t *testing.T) {
	const golden = "query/sources.sum"
	sums := sumsOf(t, "sqlc.yaml", "migrations/*.sql", "queries/*.sql", "query/*.go")
	if *update {
		if err := os.WriteFile(golden, []byte(strings.Join(sums, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	then := strings.SplitAfter(string(text), "\n")
	then = then[:len(then)-1]
	for _, line := range sums {
		if !slices.Contains(then, line) {
			t.Errorf("changed or new: %s", line)
		}
	}
	if len(then) != len(sums) {
		t.Errorf("%d files then, %d now", len(then), len(sums))
	}
	if t.Failed() {
		t.Log("sqlc hasn't run since; run make generate")
	}
}

// sumsOf is what sha256sum says of files.
func sumsOf(t *testing.T, patterns ...string) []string {
	t.Helper()
	var sums []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(text), file))
		}
	}
	return sums
}
