package rules

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// read is done once for all tests: it parses every Go file.
var read = sync.OnceValues(func() (repo, error) {
	root, err := Root()
	if err != nil {
		return repo{}, err
	}
	sources, err := Sources(root)
	return repo{root, sources}, err
})

type repo struct {
	root    string
	sources []Source
}

// whole is the repo; an empty one would hold every rule.
func whole(t *testing.T) (root string, sources []Source) {
	t.Helper()
	r, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.sources) < 10 {
		t.Fatalf("only %d Go files found under %s", len(r.sources), r.root)
	}
	return r.root, r.sources
}

func report(t *testing.T, wrong []string) {
	t.Helper()
	slices.Sort(wrong)
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestEachFileKeepsTheRules(t *testing.T) {
	root, sources := whole(t)
	checks := []struct {
		name  string
		check func(Source) []string
	}{
		{"imports point one way", checkDirections},
		{"core is pure, the emulator's store replayable", checkConduct},
		{"nothing sleeps", checkSleep},
		{"the set-up waits in one place", checkWaits},
		{"no appliance links a person's sign-in", checkSignIn},
		{"files are short", checkLength},
		{"folders are named for what they hold", func(s Source) []string { return checkFolder(s.Path) }},
		{"files are formatted", func(s Source) []string { return checkFormat(root, s) }},
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range sources {
				report(t, c.check(s))
			}
		})
	}
}

func TestEachPackageHasOneDoc(t *testing.T) {
	_, sources := whole(t)
	report(t, checkDocs(sources))
}

func TestTextsAreFinishedAndOfNoMachine(t *testing.T) {
	root, _ := whole(t)
	files, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	words := machineWords(t, root)
	for _, file := range files {
		if file == "LICENSE" || strings.Contains(file, "/testdata/fuzz/") || strings.HasSuffix(file, ".png") { // bytes that spell a word by chance
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		report(t, checkWords(file, string(text), words))
		if strings.HasSuffix(file, ".md") {
			report(t, checkLinks(root, file, string(text)))
		}
	}
}

// machineWords are what must not be in the repo though it is true here: where
// this clone is, whose home it is in, and which module proxy it is built with.
func machineWords(t *testing.T, root string) []string {
	t.Helper()
	var words []string
	if strings.Count(root, "/") > 1 {
		words = append(words, root)
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		words = append(words, home+"/")
	}
	proxies, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	for _, proxy := range strings.FieldsFunc(strings.TrimSpace(string(proxies)), func(r rune) bool { return r == ',' || r == '|' }) {
		address, err := url.Parse(proxy)
		if err == nil && address.Hostname() != "" {
			words = append(words, address.Hostname())
		}
	}
	return words
}

// The picture in docs/architecture.md is this table, word for word.
func TestArchitectureShowsTheDirections(t *testing.T) {
	root, _ := whole(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), Table()) {
		t.Errorf("docs/architecture.md doesn't show the table of directions; it is:\n%s", Table())
	}
}

func TestDecisionsAreNumberedAndListed(t *testing.T) {
	root, _ := whole(t)
	files, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(root, "docs", "decisions", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	report(t, checkDecisions(files, string(list)))
}

// Each room of the table exists, so that the table is no wish.
func TestRoomsExist(t *testing.T) {
	root, _ := whole(t)
	for _, d := range Directions {
		base, _ := strings.CutSuffix(d.Room, "/*")
		if _, err := os.Stat(filepath.Join(root, base)); err != nil {
			t.Errorf("the table has a room %s, but there is no such folder", d.Room)
		}
	}
}
