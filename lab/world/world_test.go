package world

import (
	"testing"

	"releve.dev/releve/lab/room/roomtest"
)

func TestMain(m *testing.M) { roomtest.Main(m) }

func TestFindFaultNamesWhatThereIs(t *testing.T) {
	for _, c := range []struct{ node, kind, want string }{
		{"mars", "crash", "node \"mars\" is unknown to the lab\nhint: one of primary, secondary, vm1, internet, azure, pop1, pop2, branch, branch-pc, manager"},
		{"azure", "crash", "fault \"crash\" is unknown to the lab at node azure\nhint: one of silent, throttled, denied"},
		{"vm1", "crash", "node vm1 has no faults\nhint: see: releve lab list"},
	} {
		if _, err := FindFault(c.node, c.kind); err == nil || err.Error() != c.want {
			t.Errorf("%s at %s: %v, want %s", c.kind, c.node, err, c.want)
		}
	}
	if f, err := FindFault("primary", "crash"); err != nil || f.Kind != "crash" {
		t.Errorf("crash at primary: %v, %v", f, err)
	}
}
