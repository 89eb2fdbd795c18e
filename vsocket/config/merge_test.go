package config

import (
	"strings"
	"testing"
)

// solo is goodFile without what comes later.
func solo(t *testing.T) (file, later string) {
	t.Helper()
	at, end := strings.Index(goodFile, "ha:\n"), len(goodFile)
	if at < 0 {
		t.Fatal("goodFile has no section ha")
	}
	return goodFile[:at], goodFile[at:end]
}

// D6: what the extension brings makes one of a pair of a solo vSocket, and undo
// gives the file back.
func TestMergeMakesAPairD6(t *testing.T) {
	file, later := solo(t)
	merged, err := Merge("f", []byte(file), "patch", []byte(later))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := Parse("f", merged)
	if err != nil || cfg.HA == nil || cfg.Azure == nil || cfg.HA.Generation != 1 {
		t.Fatalf("is %+v, %v", cfg, err)
	}
	again, err := Merge("f", merged, "patch", []byte(later))
	if err != nil || string(again) != string(merged) {
		t.Errorf("the second time: %v\n%s", err, again)
	}
	left, err := Unset("f", merged, "ha", "azure")
	if err != nil || string(left) != file {
		t.Errorf("undone: %v\n%s", err, left)
	}
	if again, err := Unset("f", left, "ha", "azure"); err != nil || string(again) != file {
		t.Errorf("undone twice: %v\n%s", err, again)
	}
}

// The two say which settings they hold by their generation.
func TestMergeRaisesTheGeneration(t *testing.T) {
	for patch, want := range map[string]uint64{
		"ha: {floating_ip: 10.102.2.201}":                2,
		"ha: {floating_ip: 10.102.2.201, generation: 7}": 7,
		"ha: {floating_ip: 10.102.2.200}":                1,
		"site: Lyon":                                     1,
	} {
		merged, err := Merge("f", []byte(goodFile), "patch", []byte(patch))
		if err != nil {
			t.Fatal(err)
		}
		if cfg, err := Parse("f", merged); err != nil || cfg.HA.Generation != want {
			t.Errorf("%s: generation %d, want %d (%v)", patch, cfg.HA.Generation, want, err)
		}
		again, err := Merge("f", merged, "patch", []byte(patch))
		if err != nil || string(again) != string(merged) {
			t.Errorf("%s the second time: %v\n%s", patch, err, again)
		}
	}
}

// Nothing is written that the agent would refuse.
func TestMergeChecksTheWhole(t *testing.T) {
	for patch, says := range map[string]string{
		"ha: {floating_ip: 10.102.9.1}": "f:13: ha.floating_ip: ",
		"ha: {floating_ip: soon}":       "patch:1: ha.floating_ip: \"soon\" is not an IP address",
		"hi: {}":                        "patch:1: hi: unknown key",
		"ha":                            "patch:1: the file is not a list",
		"":                              "patch:1: the file is empty",
	} {
		if _, err := Merge("f", []byte(goodFile), "patch", []byte(patch)); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: says %v, want %q", patch, err, says)
		}
	}
	if _, err := Unset("f", []byte(goodFile), "azure"); err == nil || !strings.Contains(err.Error(), "azure: is missing") {
		t.Errorf("takes away what ha needs: %v", err)
	}
}
