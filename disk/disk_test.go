package disk

import (
	"slices"
	"testing"
)

// A folder has one owner at a time, whose lock isn't one of its files.
func TestOwn(t *testing.T) {
	path := t.TempDir()
	first, err := Own(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Own(path); err == nil {
		t.Error("two owners")
	}
	if err := Replace(first, "a", []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := Replace(first, "a", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Own(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := second.Read("a")
	names, err2 := second.Names()
	if err != nil || err2 != nil || string(data) != "new" || !slices.Equal(names, []string{"a"}) {
		t.Errorf("%q, %v; %v, %v", data, err, names, err2)
	}
}
