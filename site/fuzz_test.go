package site

import (
	"encoding"
	"fmt"
	"testing"
)

// FuzzParseClaim: the tag of a claim has one form, and what is accepted is it.
func FuzzParseClaim(f *testing.F) {
	f.Add(Claim{Term: 7, Holder: Secondary, Boot: BootID{1, 0xab}, Generation: 3}.String())
	f.Add(Claim{}.String())
	f.Add("")
	f.Add("07/primary/0000000000000000/0")
	f.Add("7/primary/00000000000000AB/0")
	f.Add("+7/primary/0000000000000000/0")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseClaim(text)
		switch {
		case err != nil && c != Claim{}:
			t.Fatalf("%q is refused, and gives %v", text, c)
		case text == "" && c != Claim{}:
			t.Fatalf("an empty tag is %v", c)
		case err == nil && text != "" && c.String() != text:
			t.Fatalf("%q is taken for %s", text, c)
		}
	})
}

// FuzzTexts: a side, a boot, a version and a role each have one form.
func FuzzTexts(f *testing.F) {
	for _, text := range []string{"primary", "secondary", "none", "suspended", "mute", "14.0", "014.0", "65536.0", "1.", "00000000000000ab", "00000000000000AB", ""} {
		f.Add(text)
	}
	type value interface {
		encoding.TextMarshaler
		encoding.TextUnmarshaler
		fmt.Stringer
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range []value{new(Side), new(BootID), new(Version), new(Role)} {
			if v.UnmarshalText([]byte(text)) != nil {
				continue
			}
			if again, err := v.MarshalText(); err != nil || string(again) != text || v.String() != text {
				t.Errorf("%T: %q is taken for %q (%v)", v, text, again, err)
			}
		}
	})
}
