package config

import (
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"releve.dev/releve/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "../../docs/vsocket.sample.yaml"

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
		t.Errorf("%s is out of date; run go test ./vsocket/config -update\n%s", golden, diff)
	}
}

// A person who copies a sample starts from a file that passes, with defaults
// where it names defaults.
func TestSamplePasses(t *testing.T) {
	text := FreshSample()
	got, err := Parse("sample", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := example(secrets{got.HA.Key, got.Cloud.PrivateKey, got.Cloud.WitnessKey})
	want.Version, want.Egress, want.HA.Third = site.Release, EgressTunnel, ThirdWitness
	if diff := cmp.Diff(&want, got, comparable); diff != "" {
		t.Error(diff)
	}
	if FreshSample() == text {
		t.Error("two fresh samples have the same keys")
	}
}

// The printed secrets are none, so they don't pass.
func TestSampleKeysAreRefused(t *testing.T) {
	_, err := Parse("sample", []byte(Sample()))
	for _, path := range []string{"ha.key", "cloud.private_key", "cloud.witness_key"} {
		if err == nil || !strings.Contains(err.Error(), path+": is the sample's") {
			t.Errorf("%s: error is %v", path, err)
		}
	}
}

// A Config that a program writes is read back as it was.
func TestMarshalledConfigIsReadBack(t *testing.T) {
	key := strings.Repeat("q", 43) + "="
	want := example(secrets{key, key, strings.Repeat("s", 43) + "="})
	want.Egress, want.HA.Third = EgressNone, ThirdARM
	want.Version = site.Version{Major: 10, Minor: 0}
	want.HA.Lease = 170 * time.Millisecond
	text, err := yaml.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("marshalled", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(&want, got, comparable); diff != "" {
		t.Error(diff)
	}
	want.Version = site.Version{}
	want.HA, want.Azure, want.Cloud = nil, nil, nil
	text, _ = yaml.Marshal(want)
	if got, err = Parse("marshalled", text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.Version != site.Release || got.HA != nil || got.Azure != nil {
		t.Errorf("what was left out came back: %+v", got)
	}
}

var comparable = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}, site.Version{})
