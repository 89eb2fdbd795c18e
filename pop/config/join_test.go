package config

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"releve.dev/releve/channel"
	"releve.dev/releve/settings"
	"releve.dev/releve/site"
)

func raw(letter string) []byte { return bytes.Repeat([]byte(letter), 32) }

func peer(letter, address string) *channel.PoPPeer {
	return &channel.PoPPeer{PublicKey: raw(letter), Address: address, WitnessKey: raw(strings.ToUpper(letter))}
}

func theirs(sites ...*channel.PoPSite) *channel.PoPSettings {
	return &channel.PoPSettings{Generation: 7, Name: "pop1", Sites: sites}
}

func parsed(t testing.TB, text string) *Config {
	t.Helper()
	c, refused, err := Parse("f", []byte(text))
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	return c
}

// The manager's sites come after the file's, which stays as it is.
func TestJoin(t *testing.T) {
	file := parsed(t, goodFile)
	c, refused, wrong, err := ParseWith("f", []byte(goodFile), theirs(
		&channel.PoPSite{Number: 9, Name: "Nice", Ranges: []string{"10.9.0.0/16"}, Primary: peer("m", "100.64.1.20"), Secondary: peer("n", "100.64.1.21")},
		&channel.PoPSite{Number: 10, Name: "Brest: [\"x\"]", Ranges: []string{"10.10.0.0/16"}, Primary: &channel.PoPPeer{}, Secondary: peer("o", "100.64.1.23")}))
	if err != nil || len(refused) > 0 || len(wrong) > 0 || len(c.Sites) != 4 || !reflect.DeepEqual(c.Sites[:2], file.Sites) {
		t.Fatalf("%+v, %v, %v, %v", c, refused, wrong, err)
	}
	nice, brest := c.Sites[2], c.Sites[3]
	if nice.ID != 9 || nice.Ranges[0] != netip.MustParsePrefix("10.9.0.0/16") || nice.Secondary.PublicKey.String() != key("n") || string(nice.Primary.WitnessKeyBytes()) != strings.Repeat("M", 32) {
		t.Errorf("%+v", nice)
	}
	if brest.Primary != nil || brest.Secondary == nil || brest.First() != site.Secondary || brest.Name != "Brest: [\"x\"]" {
		t.Errorf("%+v", brest)
	}
}

// What collides with the file, or can't be, is refused with its name, and nothing
// else; what is revoked at the manager isn't served from the file either.
func TestJoinRefuses(t *testing.T) {
	good := &channel.PoPSite{Number: 9, Name: "Nice", Ranges: []string{"10.9.0.0/16"}, Primary: peer("m", "100.64.1.20")}
	tests := []struct {
		what func(*channel.PoPSite)
		says string
	}{
		{func(s *channel.PoPSite) { s.Number = 1 }, "site Nice.id: 1 is site Paris's"},
		{func(s *channel.PoPSite) { s.Number = 1 << 32 }, "site Nice: number 4294967296 is too high"},
		{func(s *channel.PoPSite) { s.Name = "Paris" }, `site Paris.name: "Paris" is another site's`},
		{func(s *channel.PoPSite) { s.Ranges[0] = "10.102.1.0/24" }, "site Nice.ranges[0]: 10.102.1.0/24 overlaps 10.102.0.0/16 of site Paris"},
		{func(s *channel.PoPSite) { s.Ranges[0] = "x" }, `site Nice: range "x" is none`},
		{func(s *channel.PoPSite) { s.Ranges = nil }, "site Nice.ranges: is empty"},
		{func(s *channel.PoPSite) { s.Primary.PublicKey = raw("a") }, "site Nice.primary.public_key: is used by site Paris"},
		{func(s *channel.PoPSite) { s.Primary.PublicKey = []byte("a") }, "site Nice: primary: a public key of 1 bytes"},
		{func(s *channel.PoPSite) { s.Primary.WitnessKey = nil }, "site Nice.primary.witness_key: is"},
		{func(s *channel.PoPSite) { s.Primary.Address = "10.0.0.1" }, "site Nice.primary.address: 10.0.0.1 is not in 100.64.0.0/10"},
		{func(s *channel.PoPSite) { s.Primary = nil }, "site Nice.primary: is missing"},
	}
	for _, test := range tests {
		bad := proto.Clone(good).(*channel.PoPSite)
		test.what(bad)
		last := &channel.PoPSite{Number: 11, Name: "Last", Ranges: []string{"10.11.0.0/16"}, Primary: peer("z", "100.64.1.24")}
		c, refused, wrong, err := ParseWith("f", []byte(goodFile), theirs(bad, last))
		if err != nil || len(c.Sites) != 3 || c.Sites[2].Name != "Last" || len(refused) > 0 || len(wrong) != 1 || !strings.HasPrefix(wrong.Error(), "the manager's settings: "+test.says) {
			t.Errorf("want %s:\n%v, %v, %v\n%+v", test.says, wrong, refused, err, c)
		}
	}
	s := theirs(good)
	s.Revoked = [][]byte{raw("a"), raw("m"), []byte("short")}
	c, refused, wrong, err := ParseWith("f", []byte(goodFile), s)
	if err != nil || len(c.Sites) != 2 || c.Sites[0].Primary != nil || !strings.Contains(refused.Error(), "f:7: sites[0].primary.public_key: is revoked") ||
		!strings.Contains(wrong.Error(), "site Nice.primary.public_key: is revoked") {
		t.Errorf("%v, %v, %v\n%+v", refused, wrong, err, c)
	}
	// What is wrong with the file as a whole is the file's, whatever the manager says.
	if _, _, _, err := ParseWith("f", []byte(edit(t, "name: eth0", "name: a/b")), theirs(good)); err == nil || !strings.Contains(err.Error(), "f:2: uplink.name") {
		t.Errorf("%v", err)
	}
}

// FuzzParseWith: whatever the manager says, the file's sites are served as they stand,
// and what is served passes as a file does.
func FuzzParseWith(f *testing.F) {
	for _, s := range []*channel.PoPSettings{nil, theirs(), theirs(nil, &channel.PoPSite{}),
		theirs(&channel.PoPSite{Number: 9, Name: "Nice\n", Ranges: []string{"10.9.0.0/16", ""}, Primary: peer("m", "100.64.1.20"), Secondary: peer("n", "x")})} {
		text, err := proto.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &channel.PoPSettings{}
		if proto.Unmarshal(text, s) != nil {
			return
		}
		s.Revoked = nil
		file := parsed(t, goodFile)
		c, refused, _, err := ParseWith("f", []byte(goodFile), s)
		if err != nil || len(refused) > 0 {
			t.Fatalf("%v: %v, %v", s, refused, err)
		}
		if len(c.Sites) < len(file.Sites) || !reflect.DeepEqual(c.Sites[:len(file.Sites)], file.Sites) {
			t.Fatalf("%v changes the file's sites: %+v", s, c.Sites)
		}
		ids := map[uint32]bool{}
		for _, one := range c.Sites {
			if ids[one.ID] || one.Primary == nil && one.Secondary == nil || len(one.Ranges) == 0 {
				t.Fatalf("passes: %+v", one)
			}
			ids[one.ID] = true
			for _, v := range []*VSocket{one.Primary, one.Secondary} {
				if v != nil && len(v.WitnessKeyBytes()) != settings.KeySize {
					t.Fatalf("passes: %+v", v)
				}
			}
		}
	})
}
