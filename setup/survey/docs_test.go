package survey_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
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

// A run command gives back the last 4 KB of an output: a guest's facts fit, with
// each right missing.
func TestAGuestsFactsFitARunCommand(t *testing.T) {
	w := healthy(t, true)
	g := w.guest(0)
	for _, need := range doctor.IdentityNeeds(w.read()) {
		for _, action := range need.Actions {
			g.Missing = append(g.Missing, doctor.Missing{Action: action, Scope: need.Scope})
		}
	}
	text, err := sheet.Pack(g)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 2048 { // names may be longer than here
		t.Errorf("%d bytes", len(text))
	}
	again, err := sheet.Unpack(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, g) {
		t.Errorf("%+v is read as %+v", g, again)
	}
	for _, wrong := range []string{"", "unknown command \"doctor\"", text[:len(text)/2]} {
		if _, err := sheet.Unpack(wrong); err == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}
