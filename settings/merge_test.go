package settings

import (
	"strings"
	"testing"
)

const before = `# Head.

# Who it is.
site: "Paris: Nord"
side: primary # for ever

# The three.
interfaces:
  # towards the Internet
  wan: {address: 10.102.1.10/24}

ha:
  floating_ip: 10.102.2.200
  peer: {lan: 10.102.2.11}
  key: abc=
# Last.
probes:
  wan:
  - 1.1.1.1
  - 8.8.8.8
`

var form = Form{Sample: "x config sample"}

func TestMerge(t *testing.T) {
	for what, c := range map[string]struct{ patch, from, to string }{
		"nothing new":   {"ha: {key: abc=}\nside: primary\n", "", ""},
		"a new section": {"azure:\n  nic:\n    name: a\n", "  - 8.8.8.8\n", "  - 8.8.8.8\nazure:\n  nic:\n    name: a\n"},
		"a key of a section, of a section's section": {"ha:\n  floating_ip: 10.102.2.201\n  peer: {mgmt: 10.102.3.11}\n",
			"ha:\n  floating_ip: 10.102.2.200\n  peer: {lan: 10.102.2.11}\n  key: abc=\n",
			"ha:\n  floating_ip: 10.102.2.201\n  peer:\n    lan: 10.102.2.11\n    mgmt: 10.102.3.11\n  key: abc=\n"},
		"a list":             {"probes: {wan: [9.9.9.9]}\n", "probes:\n  wan:\n  - 1.1.1.1\n  - 8.8.8.8\n", "probes:\n  wan: [9.9.9.9]\n"},
		"a value":            {"side: secondary\n", "side: primary # for ever\n", "side: secondary\n"},
		"what wants quotes":  {"site: 'a # b'\nversion: \"\"\n", `site: "Paris: Nord"`, `site: "a # b"`},
		"what reads as null": {"egress: 'null'\n", "  - 8.8.8.8\n", "  - 8.8.8.8\negress: \"null\"\n"},
	} {
		t.Run(what, func(t *testing.T) {
			want := strings.Replace(before, c.from, c.to, 1)
			if what == "what wants quotes" {
				want += "version: \"\"\n"
			}
			got, err := form.Merge("f", []byte(before), "patch", []byte(c.patch))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Fatalf("is\n%s\nwant\n%s", got, want)
			}
			again, err := form.Merge("f", got, "patch", []byte(c.patch))
			if err != nil || string(again) != want {
				t.Errorf("the second time: %v\n%s", err, again)
			}
		})
	}
}

func TestUnset(t *testing.T) {
	with, err := form.Merge("f", []byte(before), "patch", []byte("azure: {nic: {name: a}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, keys, want string }{
		{before, "azure", before},
		{string(with), "azure", before},
		{before, "ha", strings.Replace(before, before[strings.Index(before, "ha:"):strings.Index(before, "# Last")], "", 1)},
		{before, "interfaces ha probes", before[:strings.Index(before, "# The three")] + "\n"},
	} {
		got, err := form.Unset("f", []byte(c.text), strings.Fields(c.keys)...)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("without %s it is\n%s\nwant\n%s", c.keys, got, c.want)
		}
	}
}

// A file on one line can't be changed line by line.
func TestMergeWritesAnewWhatItMust(t *testing.T) {
	got, err := form.Merge("f", []byte("{site: a, ha: {key: b}}"), "patch", []byte("ha: {keys: [c, {d: e}]}"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "site: a\nha:\n  key: b\n  keys: [c, {d: e}]\n"; string(got) != want {
		t.Errorf("is\n%s", got)
	}
}

func TestMergeRefuses(t *testing.T) {
	for patch, says := range map[string]string{
		"":                 "patch:1: the file is empty",
		"ha":               "patch:1: the file is not a list",
		"ha: [":            "patch:1: ",
		"ha:\n":            "patch: ha: has no value",
		"ha: {key: ~}":     "patch: ha.key: has no value",
		"a: 1\n---\nb: 1":  "patch:2: the file holds more than one document",
		"ha: &x\n  key: b": "patch:1: ha: is written in a way that can't be merged: anchor",
	} {
		if _, err := form.Merge("f", []byte(before), "patch", []byte(patch)); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: says %v, want %q", patch, err, says)
		}
	}
	if _, err := form.Merge("f", []byte("a: [1"), "patch", []byte(before)); err == nil || !strings.HasPrefix(err.Error(), "f:1") {
		t.Errorf("says %v of a broken file", err)
	}
}

// Whatever the file and the patch are, the outcome has what both have, the patch
// first, and is a fixed point.
func FuzzMerge(f *testing.F) {
	f.Add(before, "ha: {key: d}\nazure:\n  a: [1, 2]\n")
	f.Add("{a: b}", "a: {c: \"d\\n e\"}")
	f.Add("a: |\n  x\n  y\nb: 1", "b: 2")
	f.Fuzz(func(t *testing.T, data, patch string) {
		old, err := form.tree("", []byte(data))
		if err != nil {
			return
		}
		over, err := form.tree("", []byte(patch))
		if err != nil {
			return
		}
		got, err := form.Merge("", []byte(data), "", []byte(patch))
		if err != nil {
			t.Fatal(err)
		}
		now, err := form.tree("", got)
		if err != nil {
			t.Fatalf("%v:\n%s", err, got)
		}
		if want := old.merge(over); !now.equal(want) {
			t.Fatalf("means something else:\n%s", got)
		}
	})
}
