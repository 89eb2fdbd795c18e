package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// repeats is how often each benchmark runs; the best run counts, as the others
// were disturbed.
const repeats = 5

var micro = section{
	name:  "micro",
	title: "Single operations",
	about: fmt.Sprintf("Every Go benchmark in the repo, the best of %d runs.", repeats),
	measure: func(ctx context.Context, r *rig) (table, error) {
		folders, err := benchFolders(r.root)
		if err != nil || len(folders) == 0 {
			return table{}, fmt.Errorf("find the Go benchmarks (%d found): %w", len(folders), err)
		}
		args := []string{"test", "-vet=off", "-run=^$", "-bench=.", "-benchmem", "-count=" + strconv.Itoa(repeats)}
		cmd := exec.CommandContext(ctx, "go", append(args, folders...)...)
		cmd.Dir = r.root
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			return table{}, fmt.Errorf("go test -bench: %w\n%s%s", err, out, said.String())
		}
		return benchTable(parseBench(string(out))), nil
	},
}

// benchFolders finds the packages with benchmarks, as go test takes them.
func benchFolders(root string) ([]string, error) {
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("\nfunc Benchmark")) {
			rel, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			found["./"+filepath.ToSlash(rel)] = true
		}
		return nil
	})
	var folders []string
	for folder := range found {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	return folders, err
}

// result is the best run of one benchmark.
type result struct {
	pkg, name string
	ns        float64
	values    map[string]string // by unit
}

// parseBench reads what `go test -bench` prints (golang.org/design/14313-benchmark-format).
func parseBench(text string) []result {
	var results []result
	pkg := ""
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 2 && fields[0] == "pkg:":
			pkg = fields[1]
		case len(fields) >= 4 && strings.HasPrefix(fields[0], "Benchmark"):
			results = better(results, measured(pkg, fields))
		}
	}
	return results
}

// measured reads a line: name, rounds, then pairs of value and unit.
func measured(pkg string, fields []string) result {
	name, _ := strings.CutPrefix(fields[0], "Benchmark")
	if cut := strings.LastIndex(name, "-"); cut > 0 { // the number of cores
		name = name[:cut]
	}
	r := result{pkg: pkg, name: name, values: map[string]string{}}
	for i := 2; i+1 < len(fields); i += 2 {
		r.values[fields[i+1]] = fields[i]
	}
	r.ns, _ = strconv.ParseFloat(r.values["ns/op"], 64) // absent: 0
	return r
}

// better keeps the quickest run of each benchmark.
func better(results []result, r result) []result {
	i := slices.IndexFunc(results, func(o result) bool { return o.pkg == r.pkg && o.name == r.name })
	switch {
	case i < 0:
		return append(results, r)
	case r.ns < results[i].ns:
		results[i] = r
	}
	return results
}

func benchTable(results []result) table {
	t := table{head: []string{"package", "benchmark", "time", "memory", "allocations", "other"}}
	for _, r := range results {
		_, pkg, _ := strings.Cut(r.pkg, "/releve/")
		t.add("`"+pkg+"`", r.name, duration(r.ns), r.values["B/op"]+" B", r.values["allocs/op"], others(r.values))
	}
	return t
}

// others are the units that a benchmark reports besides the usual.
func others(values map[string]string) string {
	var words []string
	for unit, value := range values {
		if !slices.Contains([]string{"ns/op", "B/op", "allocs/op"}, unit) {
			words = append(words, value+" "+unit)
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// duration writes nanoseconds with three digits that count.
func duration(ns float64) string {
	units := []string{"ns", "µs", "ms", "s"}
	i := 0
	for ; ns >= 1000 && i < len(units)-1; i++ {
		ns /= 1000
	}
	switch {
	case ns < 10:
		return fmt.Sprintf("%.2f %s", ns, units[i])
	case ns < 100:
		return fmt.Sprintf("%.1f %s", ns, units[i])
	}
	return fmt.Sprintf("%.0f %s", ns, units[i])
}
