package survey_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/azure-doctor.md names what the doctor finds.
func TestDocsNameEachCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "azure-doctor.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(append(azureFaults(), judgedFaults()...), guestFaults()...) {
		code := f.code
		if strings.HasPrefix(code, "address-") {
			code = "address-…"
		}
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("docs/azure-doctor.md doesn't name %s", f.code)
		}
	}
}
