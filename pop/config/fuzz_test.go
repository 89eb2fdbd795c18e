package config

import (
	"reflect"
	"testing"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/settings"
	"releve.dev/releve/site"
)

// FuzzParse: what passes can be served: no site without keys, no number twice, no
// range of two sites'; and written down it is the same settings.
func FuzzParse(f *testing.F) {
	f.Add(goodFile)
	f.Add(Sample())
	f.Add("name: a\nsites: [1, {}, ~]\n")
	f.Add("sites: &a [*a]\n? {a: b}\n: c\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, _, err := Parse("f", []byte(text))
		if err != nil {
			return
		}
		ids := map[uint32]bool{}
		for i := range c.Sites {
			s := &c.Sites[i]
			if ids[s.ID] || s.ID == 0 || len(s.Ranges) == 0 {
				t.Errorf("passes: %+v", s)
			}
			ids[s.ID] = true
			for _, v := range []*VSocket{s.Primary, s.Secondary} {
				if v != nil && (len(v.WitnessKeyBytes()) != settings.KeySize || !site.Overlay.Contains(v.Address)) {
					t.Errorf("passes: %+v", v)
				}
			}
			for _, other := range c.Sites[:i] {
				for _, a := range s.Ranges {
					for _, b := range other.Ranges {
						if a.Overlaps(b) {
							t.Errorf("%s of %s and %s of %s pass", a, s.Name, b, other.Name)
						}
					}
				}
			}
		}
		written, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, refused, err := Parse("f", written); err != nil || len(refused) > 0 || !reflect.DeepEqual(again, c) {
			t.Errorf("%q is read as\n%+v\nand written as\n%s\nwhich is read as\n%+v\n%v %v", text, c, written, again, refused, err)
		}
	})
}
