package site

import (
	"encoding"
	"fmt"
	"net/netip"
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

// FuzzEnrolKey: a key and a serial number each have one form.
func FuzzEnrolKey(f *testing.F) {
	f.Add(EnrolKey{MakeSerial(7), [20]byte{1}, [32]byte{2}}.String())
	f.Add(string(MakeSerial(0)))
	f.Add("RLV-0000-0000..")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseEnrolKey(text); err == nil && k.String() != text {
			t.Errorf("%q is taken for %s", text, k)
		}
		if s, err := ParseSerial(text); err == nil && string(s) != text {
			t.Errorf("%q is taken for %s", text, s)
		}
	})
}

// FuzzAddressing: no input breaks the rules' code, and what passes keeps them:
// each address is one that Azure gives, each is there once, and the floating IP
// can be routed to.
func FuzzAddressing(f *testing.F) {
	f.Add("10.0.2.0/24", "10.0.2.10", "10.0.2.11", "10.0.2.100", "lab", "10.0.9.0/24", "10.0.2.50")
	f.Add("10.0.2.8/29", "10.0.2.12", "", "", "", "", "")
	f.Add("::ffff:10.0.2.0/120", "fe80::1%eth0", "::", "0.0.0.0", "\xff", "0.0.0.0/0", "10.0.2.1")
	f.Fuzz(func(t *testing.T, native, primary, secondary, fip, name, prefix, gateway string) {
		a := Addressing{Native: prefixOf(native), Primary: addrOf(primary), Secondary: addrOf(secondary), FloatingIP: addrOf(fip)}
		if prefix != "" || name != "" {
			a.Ranges = []Range{{name, prefixOf(prefix), addrOf(gateway)}}
		}
		faults := a.Check()
		for _, one := range faults {
			if one.Field == "" || one.Rule == "" || one.Message == "" {
				t.Errorf("%+v: a fault without words: %+v", a, one)
			}
		}
		if faults != nil {
			return
		}
		seen := map[netip.Addr]bool{}
		for _, addr := range []netip.Addr{a.Primary, a.Secondary, a.FloatingIP} {
			if !addr.IsValid() {
				continue
			}
			if seen[addr] || CheckHostAddress(a.Native, addr) != nil {
				t.Errorf("%+v passes", a)
			}
			seen[addr] = true
		}
		if a.Secondary.IsValid() != a.FloatingIP.IsValid() || !a.Primary.IsValid() {
			t.Errorf("%+v passes", a)
		}
		_ = a.CheckOthers([]Owned{{"x", "", a.Native}})
	})
}

func addrOf(text string) netip.Addr {
	addr, _ := netip.ParseAddr(text)
	return addr
}

func prefixOf(text string) netip.Prefix {
	p, _ := netip.ParsePrefix(text)
	return p
}
