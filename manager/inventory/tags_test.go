package inventory_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"releve.dev/releve/manager/inventory"
)

// Sites are found by whole tags, in either database; tagging is a change like any
// other, and the log has it.
func TestTags(t *testing.T) {
	onBoth(t, func(w *world) {
		paris, _ := w.create("paris", "10.0.2.0/24", "10.0.2.10"), w.create("lyon", "10.1.2.0/24", "10.1.2.10")
		tagged, err := w.SetSite(w.Context(), w.who, paris.ID, at(paris), inventory.Fields{Tags: &[]string{"prod", " Europe", "prod", ""}})
		if err != nil || tagged.Generation != 2 || !reflect.DeepEqual(tagged.Tags, []string{"europe", "prod"}) || !reflect.DeepEqual(w.read(paris.ID), tagged) {
			w.Fatalf("%+v, %v", tagged, err)
		}
		for tag, want := range map[string]int{"": 2, "prod": 1, "europe": 1, "euro": 0, "%": 0, "pro_": 0, "europe prod": 0} {
			found, err := w.Search(w.Context(), w.who, inventory.Search{Tag: tag}, inventory.Page{})
			if err != nil || len(found.Items) != want || want == 1 && (found.Items[0].Name != "paris" || len(found.Items[0].Tags) != 2) {
				w.Errorf("%q: %+v, %v", tag, found, err)
			}
		}
		if counts, err := w.Tags(w.Context(), w.who); err != nil || !maps.Equal(counts, map[string]int{"europe": 1, "prod": 1}) {
			w.Errorf("%v, %v", counts, err)
		}
		for _, wrong := range []string{"a b", "été", "a_b", strings.Repeat("x", 33)} {
			_, err := w.SetSite(w.Context(), w.who, paris.ID, at(tagged), inventory.Fields{Tags: &[]string{wrong}})
			if r := w.refused(err, inventory.Invalid); r.Field != "tags" {
				w.Errorf("%q: %+v", wrong, r)
			}
		}
		none, err := w.SetSite(w.Context(), w.who, paris.ID, at(tagged), inventory.Fields{Tags: &[]string{}})
		if err != nil || none.Tags != nil {
			w.Errorf("%+v, %v", none, err)
		}
	})
}
