package world

import (
	"os"
	"path/filepath"
	"testing"
)

// Another VM in a vSocket's place has an empty disk, and does nothing until it is
// deployed, whatever else is healed.
func TestReplaceAndDeploy(t *testing.T) {
	w := up(t)
	if err := w.Fault(t.Context(), Secondary, "crash"); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(w.stateDir(Secondary), "old")
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.Replace(Secondary); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the new VM has the old one's disk: %v", err)
	}
	if err := w.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.programs[Secondary].running() {
		t.Error("the new VM's agent runs before it is deployed")
	}
	if err := w.Deploy(Secondary); err != nil {
		t.Fatal(err)
	}
	if !w.programs[Secondary].running() {
		t.Error("the deployed agent doesn't run")
	}
}
