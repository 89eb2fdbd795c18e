package survey

import (
	"strings"
	"testing"

	"releve.dev/releve/setup/document"
)

// A run command's answer as Azure has it ("Run scripts in your Linux VM by using
// Action Run Commands").
func TestOutputOfARunCommand(t *testing.T) {
	for _, c := range []struct{ message, want, err string }{
		{"Enable succeeded: \n[stdout]\n{\"side\":\"primary\"}\n\n[stderr]\n", `{"side":"primary"}`, ""},
		{"Enable succeeded: \n[stdout]\n\n[stderr]\nsh: releve-vsocket: not found\n", "", "not found"},
		{"Enable succeeded", "", "no output"},
	} {
		answer := document.Document{"value": []any{map[string]any{"code": "ProvisioningState/succeeded", "level": "Info", "message": c.message}}}
		got, err := output(answer)
		if strings.TrimSpace(got) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %q, %v", c.message, got, err)
		}
	}
	if _, err := output(nil); err == nil {
		t.Error("no answer passes")
	}
}
