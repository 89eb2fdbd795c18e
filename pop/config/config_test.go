package config

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"releve.dev/releve/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "../../docs/pop.sample.yaml"

// The committed sample is the one that the program prints.
func TestSampleIsCommitted(t *testing.T) {
	if *update {
		if err := os.WriteFile(golden, []byte(Sample()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), Sample()); diff != "" {
		t.Errorf("%s is out of date; run go test ./pop/config -update\n%s", golden, diff)
	}
}

// key is the base64 of 32 times a letter.
func key(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

var goodFile = fmt.Sprintf(`name: pop1
uplink: {name: eth0, address: 203.0.113.30}
sites:
  - name: Paris
    id: 1
    ranges: [10.102.0.0/16, 10.103.0.0/24]
    primary: {public_key: %s, address: 100.64.1.1, witness_key: %s}
    secondary: {public_key: %s, address: 100.64.1.2, witness_key: %s}
  - name: Lyon
    id: 2
    ranges: [10.200.0.0/16]
    primary: {public_key: %s, address: 100.64.2.1, witness_key: %s}
`, key("a"), key("b"), key("c"), key("d"), key("e"), key("f"))

func edit(t *testing.T, from, to string) string {
	t.Helper()
	file := strings.Replace(goodFile, from, to, 1)
	if from != to && file == goodFile {
		t.Fatalf("the good file has no %q", from)
	}
	return file
}

func TestGoodFile(t *testing.T) {
	c, refused, err := Parse("f", []byte(goodFile))
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	if len(c.Sites) != 2 || c.Sites[1].Secondary != nil || c.Sites[1].First() != site.Primary ||
		c.Sites[0].VSocket(site.Secondary).PublicKey.String() != key("c") || string(c.Sites[0].Primary.WitnessKeyBytes()) != strings.Repeat("b", 32) {
		t.Errorf("%+v", c.Sites)
	}
	if c.Listen.Port(site.Secondary) != 51821 || c.Devices.Name(site.Primary) != "rlv-p" || c.Witness.Port != 20481 {
		t.Errorf("defaults: %+v", c)
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, refused, err := Parse("marshalled", text)
	if err != nil || len(refused) > 0 {
		t.Fatalf("%v %v\n%s", err, refused, text)
	}
	if fmt.Sprint(again.Sites[0].Primary, again.Sites[1].Ranges) != fmt.Sprint(c.Sites[0].Primary, c.Sites[1].Ranges) {
		t.Errorf("%+v comes back as %+v", c, again)
	}
}

// What is wrong with the file as a whole names the line, the path and the rule,
// and nothing of it is used.
func TestFileProblems(t *testing.T) {
	tests := []struct{ from, to, want string }{
		{"name: pop1", "nom: pop1", "f:1: name: is missing"},
		{"name: pop1", "name: pop1\nsites: {}", "f:4: mapping key \"sites\" already defined"},
		{"name: eth0", "name: a/b", `f:2: uplink.name: "a/b" is not the name of a network interface`},
		{"address: 203.0.113.30", "address: ::1", "f:2: uplink.address: ::1 is not an IPv4 address of an interface"},
		{"name: pop1", "name: pop1\nlisten: {primary: 1, secondary: 1}", "f:2: listen.secondary: 1 is listen.primary's too"},
		{"name: pop1", "name: pop1\nlisten: {primary: 0}", "f:2: listen.primary: 0 is not between 1 and 65535"},
		{"name: pop1", "name: pop1\ndevices: {primary: eth0}", `f:2: devices: one has the uplink's name "eth0"`},
		{"name: pop1", "name: pop1\ndevices: {primary: rlv-s}", `devices.secondary: "rlv-s" is devices.primary's too`},
		{"name: pop1", "name: pop1\nwitness: {address: 10.0.0.1}", "f:2: witness.address: 10.0.0.1 is not in 100.64.0.0/10"},
		{"name: pop1", "name: pop1\nrevoked: [x]", "f:2: revoked[0]: is not a key: 32 bytes in base64"},
		{"name: pop1", "name: pop1\nrun_dir: run", `f:2: run_dir: "run" is not an absolute path`},
	}
	for _, test := range tests {
		c, _, err := Parse("f", []byte(edit(t, test.from, test.to)))
		if err == nil || c != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\nerror %v\nwant  %s", test.to, err, test.want)
		}
	}
}

// What is wrong with Lyon is told, and Paris is served.
func TestSiteProblems(t *testing.T) {
	tests := []struct{ from, to, want string }{
		{"id: 2", "id: 1", "sites[1].id: 1 is site Paris's"},
		{"name: Lyon", "name: Paris", `sites[1].name: "Paris" is another site's`},
		{"id: 2", "id: 0", "sites[1].id: 0 is no site's number"},
		{"id: 2", "id: 4294967296", "sites[1].id: \"4294967296\" is not a whole number"},
		{"id: 2", "id: 2\n    colour: red", "sites[1].colour: unknown key"},
		{"    ranges: [10.200.0.0/16]\n", "", "sites[1].ranges: is missing"},
		{"[10.200.0.0/16]", "[]", "sites[1].ranges: is empty"},
		{"[10.200.0.0/16]", "[10.200.0.1/16]", "sites[1].ranges[0]: 10.200.0.1/16 has bits beyond its length: is it 10.200.0.0/16?"},
		{"[10.200.0.0/16]", "[10.200.0.0]", "sites[1].ranges[0]: \"10.200.0.0\" is not an address with"},
		{"[10.200.0.0/16]", "[10.200.0.0/16, 10.200.7.0/24]", "sites[1].ranges[1]: 10.200.7.0/24 overlaps 10.200.0.0/16 of the same site"},
		{"[10.200.0.0/16]", "[10.103.0.128/25]", "sites[1].ranges[0]: 10.103.0.128/25 overlaps 10.103.0.0/24 of site Paris"},
		{"[10.200.0.0/16]", "[100.0.0.0/8]", "sites[1].ranges[0]: 100.0.0.0/8 overlaps 100.64.0.0/10"},
		{"[10.200.0.0/16]", "[203.0.113.0/24]", "sites[1].ranges[0]: 203.0.113.0/24 has the uplink's address 203.0.113.30 in it"},
		{"[10.200.0.0/16]", "[0.0.0.0/0]", "sites[1].ranges[0]: 0.0.0.0/0 has the uplink's address"},
		{"[10.200.0.0/16]", "[fd00::/8]", "sites[1].ranges[0]: fd00::/8: only IPv4 is supported"},
		{"address: 100.64.2.1", "address: 100.64.1.2", "sites[1].primary.address: 100.64.1.2 is site Paris's"},
		{"address: 100.64.2.1", "address: 100.64.0.1", "sites[1].primary.address: 100.64.0.1 is the witness's"},
		{"address: 100.64.2.1", "address: 100.128.0.1", "sites[1].primary.address: 100.128.0.1 is not in 100.64.0.0/10"},
		{"public_key: " + key("e"), "public_key: " + key("c"), "sites[1].primary.public_key: is used by site Paris"},
		{"public_key: " + key("e"), "public_key: short", "sites[1].primary.public_key: is not a key: 32 bytes in base64"},
		{"witness_key: " + key("f"), "witness_key: " + key("b"), "sites[1].primary.witness_key: is used by site Paris"},
		{"witness_key: " + key("f"), "witness_key: " + sampleWitnessKey, "sites[1].primary.witness_key: is the sample's"},
		{"    primary: {public_key: " + key("e"), "    secondary: {public_key: " + key("e"), "sites[1].primary: is missing"},
	}
	for _, test := range tests {
		c, refused, err := Parse("f", []byte(edit(t, test.from, test.to)))
		if err != nil {
			t.Errorf("%s: the whole file is refused: %v", test.to, err)
			continue
		}
		if len(c.Sites) != 1 || c.Sites[0].Name != "Paris" {
			t.Errorf("%s: served are %+v", test.to, c.Sites)
		}
		if !strings.Contains(refused.Error(), test.want) {
			t.Errorf("%s:\ntold %v\nwant %s", test.to, refused, test.want)
		}
	}
}

// A site that is refused holds nothing: who comes after it is good.
func TestARefusedSiteHoldsNothing(t *testing.T) {
	c, refused, err := Parse("f", []byte(edit(t, "id: 1", "id: 0")+"  - {name: Nice, id: 7, ranges: [10.102.0.0/16], primary: {public_key: "+
		key("a")+", address: 100.64.1.1, witness_key: "+key("b")+"}}\n"))
	if err != nil || len(refused) != 1 || len(c.Sites) != 2 || c.Sites[1].Name != "Nice" {
		t.Errorf("%+v, %v, %v", c, refused, err)
	}
}

// A revoked vSocket goes, the other serves on; a site without any is refused.
func TestRevoked(t *testing.T) {
	c, refused, err := Parse("f", []byte(goodFile+"revoked: ["+key("a")+", "+key("e")+"]\n"))
	if err != nil || len(c.Sites) != 1 || c.Sites[0].Primary != nil || c.Sites[0].First() != site.Secondary {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, want := range []string{"sites[0].primary.public_key: is revoked", "sites[1].primary.public_key: is revoked"} {
		if !strings.Contains(refused.Error(), want) {
			t.Errorf("%v doesn't say %s", refused, want)
		}
	}
}

// Some thousand sites are read in a time that a restart may take.
func TestManySites(t *testing.T) {
	var b strings.Builder
	b.WriteString("name: pop1\nuplink: {name: eth0, address: 203.0.113.30}\nsites:\n")
	const many = 2000
	for i := range many {
		bytes := func(kind byte) string {
			k := [32]byte{kind, byte(i >> 8), byte(i)}
			return base64.StdEncoding.EncodeToString(k[:])
		}
		fmt.Fprintf(&b, "  - {name: s%d, id: %d, ranges: [10.%d.%d.0/24], primary: {public_key: %s, address: 100.64.%d.%d, witness_key: %s}}\n",
			i, i+1, i/256, i%256, bytes(1), 1+i/250, 1+i%250, bytes(2))
	}
	began := time.Now()
	c, refused, err := Parse("f", []byte(b.String()))
	if err != nil || len(refused) > 0 || len(c.Sites) != many {
		t.Fatal(err, refused)
	}
	t.Logf("%d sites in %s", many, time.Since(began))
}
