package power

import (
	"math/rand/v2"
	"testing"

	"releve.dev/releve/disk"
)

// Replace leaves the old file or the new one, whole, wherever the power goes.
func TestReplace(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		f := New()
		if err := disk.Replace(f, "a", []byte("old")); err != nil {
			t.Fatal(err)
		}
		f.SetRoom(random.IntN(6))
		_ = disk.Replace(unsynced{f}, "a", []byte("new"))
		data, err := f.Cut(random).Read("a")
		if err != nil || string(data) != "old" && string(data) != "new" {
			t.Fatalf("seed %d: %q, %v", seed, data, err)
		}
		seen[string(data)]++
	}
	if seen["old"] == 0 || seen["new"] == 0 {
		t.Errorf("%v", seen)
	}
}

// unsynced goes just before the folder is synced.
type unsynced struct{ *Folder }

func (unsynced) SyncFolder() error { return ErrOff }
