package site

import (
	"net/netip"
	"testing"
)

// The tag says who holds the term, and reads back as it was written.
func TestClaimRoundTrip(t *testing.T) {
	for _, claim := range []Claim{{}, {Term: 7, Holder: Secondary, Boot: BootID{1, 2, 255}, Generation: 3}, {Term: 1<<64 - 1, Holder: Primary}} {
		got, err := ParseClaim(claim.String())
		if err != nil || got != claim {
			t.Errorf("%s: %v, %v", claim, got, err)
		}
	}
	if got, err := ParseClaim(""); err != nil || got != (Claim{}) {
		t.Errorf("no tag: %v, %v", got, err)
	}
	for _, bad := range []string{"7", "x/primary/0000000000000000/1", "7/third/0000000000000000/1", "7/primary/00/1", "7/primary/0000000000000000/-1", "7/primary/0000000000000000/1/2"} {
		if _, err := ParseClaim(bad); err == nil {
			t.Errorf("%q is taken for a claim", bad)
		}
	}
}

// E6: Azure keeps the first four addresses of a subnet and its last.
func TestReservedAddressesE6(t *testing.T) {
	subnet := netip.MustParsePrefix("10.102.2.0/24")
	for addr, ok := range map[string]bool{
		"10.102.2.0": false, "10.102.2.3": false, "10.102.2.4": true, "10.102.2.200": true, "10.102.2.254": true,
		"10.102.2.255": false, "10.102.3.10": false, "::1": false,
	} {
		if err := CheckHostAddress(subnet, netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("%s: %v", addr, err)
		}
	}
	small := netip.MustParsePrefix("10.0.0.8/29")
	if CheckHostAddress(small, netip.MustParseAddr("10.0.0.12")) != nil || CheckHostAddress(small, netip.MustParseAddr("10.0.0.15")) == nil {
		t.Error("/29: wrong range")
	}
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]Version{"14.0": {14, 0}, "11.12": {11, 12}} {
		if got, err := ParseVersion(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "14", "a.b", "14.0.1", "-1.0", "70000.0"} {
		if _, err := ParseVersion(bad); err == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
	if !(Version{14, 1}).AtLeast(Version{14, 0}) || (Version{13, 9}).AtLeast(Version{14, 0}) || !(Version{14, 3}).Compatible(Version{14, 0}) {
		t.Error("comparison")
	}
}
