package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/settings"
)

// edit returns a good file with one line changed, or taken out if to is "".
func edit(t *testing.T, from, to string) string {
	t.Helper()
	good := strings.Replace(goodFile, from, to, 1)
	if good == goodFile {
		t.Fatalf("the good file has no %q", from)
	}
	return good
}

const goodFile = `site: Paris
side: primary
interfaces:
  wan: {name: eth1, address: 10.102.1.10/24}
  lan: {name: eth2, address: 10.102.2.10/24}
  mgmt: {name: eth0, address: 10.102.3.10/24}
probes:
  wan: [1.1.1.1, 8.8.8.8]
ha:
  peer: {lan: 10.102.2.11, mgmt: 10.102.3.11}
  floating_ip: 10.102.2.200
  key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
azure:
  client_id: 22222222-2222-2222-2222-222222222222
  subscription: 11111111-1111-1111-1111-111111111111
  nic: {resource_group: rg, name: primary-lan}
  peer_nic: {resource_group: rg, name: secondary-lan}
  subnet: {resource_group: rg-net, vnet: vnet, name: lan}
`

// Each rule names the line, the path, the value and the rule.
func TestProblems(t *testing.T) {
	tests := []struct{ from, to, want string }{
		{"site: Paris", "sight: Paris", "f:1: sight: unknown key; the file has azure, cloud, egress, ha, interfaces, probes, routes, run_dir, side, site, state_dir, version\nf:1: site: is missing"},
		{"key: AAEC", "kee: AAEC", "f:9: ha.key: is missing\nf:12: ha.kee: unknown key; ha has alone, confirm, floating_ip, generation, hold, keepalive, key, lease, peer, preempt, silent, third"},
		{"side: primary", "side: first", `f:2: side: side "first" is neither primary nor secondary`},
		{"side: primary", "side: none", `f:2: side: "none" is neither primary nor secondary`},
		{"side: primary", "side:", "f:2: side: has no value"},
		{"side: primary\n", "side: primary\nside: primary\n", `f:3: mapping key "side" already defined at [2:1]`},
		{"side: primary", "side: &a primary", "f:2: side: wants one plain value, not a anchor"},
		{"side: primary", "side: primary\negress: tunnel", "f:3: egress: is tunnel, but there is no section cloud to say where to\nhint: without the section cloud leave it out"},
		{"side: primary", "side: primary\nversion: 14", `f:3: version: version "14" is not of the form 14.0`},
		{"side: primary", "side: primary\nstate_dir: var", `f:3: state_dir: "var" is not an absolute path`},
		{"side: primary", "side: primary\nrun_dir: /" + strings.Repeat("r", 80), "f:3: run_dir: \"/" + strings.Repeat("r", 80) + `" is longer than 80 bytes, and the kernel limits a socket's path`},
		{"side: primary", "side: primary\negress: snat", `f:3: egress: "snat" is neither tunnel, nat nor none`},
		{"side: primary\n", "side: primary\nroutes: mine\n", `f:3: routes: "mine" is neither own nor system`},
		{"name: eth1", "name: \"\"", "f:4: interfaces.wan.name: \"\" is not the name of a network interface\nhint: ip link lists the names"},
		{"name: eth1", "name: a/b", "f:4: interfaces.wan.name: \"a/b\" is not the name of a network interface\nhint: ip link lists the names"},
		{"name: eth1", "name: eth2", `f:5: interfaces.lan.name: "eth2" is interfaces.wan's too: each needs an interface of its own`},
		{"10.102.1.10/24", "10.102.1.10", `f:4: interfaces.wan.address: "10.102.1.10" is not an address with its subnet's length, like 10.102.2.10/24`},
		{"10.102.2.10/24", "10.102.2.10/32", "f:5: interfaces.lan.address: 10.102.2.10/32: Azure's smallest subnet is a /29\nhint: give the subnet's length, not that of the address alone"},
		{"10.102.1.10/24", "10.102.2.12/24", "f:5: interfaces.lan.address: 10.102.2.10/24 overlaps interfaces.wan's subnet 10.102.2.0/24"},
		{"wan: [1.1.1.1, 8.8.8.8]", "wan: 1.1.1.1", "f:8: probes.wan: is a list: write [first, second]"},
		{"[1.1.1.1, 8.8.8.8]", "[1.1.1.1, one]", `f:8: probes.wan[1]: "one" is not an IP address`},
		{"[1.1.1.1, 8.8.8.8]", "[\"2001:db8::1\"]", "f:8: probes.wan[0]: 2001:db8::1 is not an IPv4 address that could answer ping"},
		{"[1.1.1.1, 8.8.8.8]", "[]", "f:8: probes.wan: is empty: name at least one address that answers ping"},
		{"probes:\n", "probes:\n  interval: 10ms\n", "f:8: probes.interval: 10ms is not between 50ms and 10s"},
		{"probes:\n", "probes:\n  interval: 10\n", `f:8: probes.interval: "10" is not a duration like 250ms or 1.5s`},
		{"probes:\n", "probes:\n  failures: 0\n", "f:8: probes.failures: 0 is not between 1 and 100"},
		{"probes:\n", "probes:\n  recovery: many\n", `f:8: probes.recovery: "many" is not a whole number`},
		{"peer: {lan: 10.102.2.11, mgmt: 10.102.3.11}", "peer: 10.102.2.11", `f:10: ha.peer: is a section: it wants "key: value" lines below it`},
		{"lan: 10.102.2.11", "lan: 10.102.2.10", "f:10: ha.peer.lan: 10.102.2.10 is this vSocket's own address (interfaces.lan.address)"},
		{"lan: 10.102.2.11", "lan: 10.102.5.11", "f:10: ha.peer.lan: address 10.102.5.11 is outside the subnet 10.102.2.0/24"},
		{"floating_ip: 10.102.2.200", "floating_ip: 10.102.2.3", "f:11: ha.floating_ip: address 10.102.2.3 is reserved by Azure (the first four and the last address of 10.102.2.0/24)"},
		{"floating_ip: 10.102.2.200", "floating_ip: 10.102.2.11", "f:11: ha.floating_ip: 10.102.2.11 is the peer's own address (ha.peer.lan)\nhint: take a free address of the LAN subnet"},
		{"key: AAEC", "key: AAE", "f:12: ha.key: is not base64\nhint: head -c 32 /dev/urandom | base64 makes one; both vSockets have the same"},
		{"key: AAECAwQF", "key: ", "f:12: ha.key: is 26 bytes long, not 32\nhint: head -c 32 /dev/urandom | base64 makes one; both vSockets have the same"},
		{"ha:\n", "ha:\n  keepalive: 5ms\n", "f:10: ha.keepalive: 5ms is not between 10ms and 1s"},
		{"ha:\n", "ha:\n  silent: 4s\n", "f:10: ha.silent: 4s is not between 30ms and 3s"},
		{"ha:\n", "ha:\n  silent: 149ms\n", "f:10: ha.silent: 149ms is shorter than 3 keepalives (150ms)"},
		{"ha:\n", "ha:\n  lease: 149ms\n", "f:10: ha.lease: 149ms is shorter than 3 keepalives (150ms)\nhint: leave it out: then it is as long as silent"},
		{"ha:\n", "ha:\n  lease: 3.1s\n", "f:10: ha.lease: 3.1s is not between 0s and 3s"},
		{"ha:\n", "ha:\n  confirm: -1s\n", "f:10: ha.confirm: -1s is not between 0s and 1m"},
		{"ha:\n", "ha:\n  hold: 61m\n", "f:10: ha.hold: 1h1m is not between 0s and 1h"},
		{"ha:\n", "ha:\n  preempt: maybe\n", `f:10: ha.preempt: "maybe" is neither on nor off`},
		{"ha:\n", "ha:\n  alone: run\n", `f:10: ha.alone: "run" is neither stay nor stop`},
		{"ha:\n", "ha:\n  third: witness\n", "f:10: ha.third: is witness, but there is no section cloud to say where it is\nhint: without the section cloud leave it out"},
		{"ha:\n", "ha:\n  third: pop\n", `f:10: ha.third: "pop" is neither witness nor arm`},
		{"ha:\n", "ha:\n  generation: -1\n", `f:10: ha.generation: "-1" is not a whole number from 0 on`},
		{"azure:\n", "azure:\n  endpoint: http://management.azure.com\n", `f:14: azure.endpoint: "http://management.azure.com" is not https`},
		{"azure:\n", "azure:\n  endpoint: management.azure.com\n", `f:14: azure.endpoint: "management.azure.com" is not an address like https://host`},
		{"azure:\n", "azure:\n  imds: http://127.0.0.1/metadata\n", `f:14: azure.imds: "http://127.0.0.1/metadata" has more than a host and a port`},
		{"azure:\n", "azure:\n  ca_file: ca.pem\n", `f:14: azure.ca_file: "ca.pem" is not an absolute path`},
		{"azure:\n", "azure:\n  audience: x\n", `f:14: azure.audience: "x" is not a URI`},
		{"client_id: 2", "client_id: x", "f:14: azure.client_id: \"x2222222-2222-2222-2222-222222222222\" is not a client id (a GUID)\nhint: az identity show --query clientId prints it"},
		{"subscription: 1", "subscription: x", "f:15: azure.subscription: \"x1111111-1111-1111-1111-111111111111\" is not a subscription id (a GUID)\nhint: az account show --query id prints it"},
		{"name: secondary-lan", "name: PRIMARY-lan", `f:17: azure.peer_nic: "PRIMARY-lan" is this vSocket's own NIC (azure.nic)`},
		{"name: secondary-lan", "name: a/b", `f:17: azure.peer_nic.name: "a/b" is not a name that Azure gives`},
		{"azure:\n", "azure:\n  peer_vm: {name: vm}\n", "f:14: azure.peer_vm.resource_group: is missing"},
		{"vnet: vnet, ", "", "f:18: azure.subnet.vnet: is missing"},
		{goodFile, "", "f:1: the file is empty\nhint: releve-vsocket config sample prints a commented one"},
		{goodFile, "- a", `f:1: the file is not a list of "key: value" lines`},
		{goodFile, "a: 1\n---\nb: 1\n", "f:2: the file holds more than one document"},
		{goodFile, "a: [1", "f:1: sequence end token ']' not found"},
	}
	for _, test := range tests {
		_, err := Parse("f", []byte(edit(t, test.from, test.to)))
		if err == nil {
			t.Errorf("%q for %q passes, want:\n%s", test.to, test.from, test.want)
		} else if err.Error() != test.want {
			t.Errorf("%q for %q\n got: %s\nwant: %s", test.to, test.from, err, test.want)
		}
	}
}

// All that is wrong is told at once, by line.
func TestAllProblemsAtOnce(t *testing.T) {
	text := strings.NewReplacer("site: Paris", "sites: Paris", "10.102.2.200", "10.102.9.200", "key: AAEC", "key: ").Replace(goodFile)
	_, err := Parse("f", []byte(text))
	var problems settings.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error is %v", err)
	}
	var paths []string
	for _, problem := range problems {
		paths = append(paths, problem.Path)
	}
	if got, want := strings.Join(paths, " "), "sites site ha.floating_ip ha.key"; got != want {
		t.Errorf("problems of %s, want %s", got, want)
	}
}

func TestDefaults(t *testing.T) {
	c, err := Parse("f", []byte(goodFile))
	if err != nil {
		t.Fatal(err)
	}
	ha := c.HA
	if ha.Keepalive != 50*time.Millisecond || ha.Silent != 200*time.Millisecond || ha.Lease != ha.Silent ||
		ha.Confirm != time.Second || ha.Preempt != PreemptOn || ha.Hold != 10*time.Second || ha.Alone != AloneStay {
		t.Errorf("ha is %+v", ha)
	}
	if len(ha.KeyBytes()) != 32 || ha.KeyBytes()[31] != 31 {
		t.Errorf("key is %x", ha.KeyBytes())
	}
	p := c.Probes
	if p.Interval != 250*time.Millisecond || p.Failures != 4 || p.Recovery != 8 || c.Egress != EgressNAT || ha.Third != ThirdARM {
		t.Errorf("probes are %+v, egress %s, third %s", p, c.Egress, ha.Third)
	}
}

// The lease follows silent, so that shorter timers need no more lines.
func TestLeaseFollowsSilent(t *testing.T) {
	c, err := Parse("f", []byte(edit(t, "ha:\n", "ha:\n  keepalive: 10ms\n  silent: 50ms\n  confirm: 0s\n")))
	if err != nil {
		t.Fatal(err)
	}
	if c.HA.Lease != 50*time.Millisecond {
		t.Errorf("lease is %s", c.HA.Lease)
	}
}

// B7: a vSocket without HA settings is a valid one, Master by itself.
func TestWithoutHA(t *testing.T) {
	head, _, _ := strings.Cut(goodFile, "ha:\n")
	c, err := Parse("f", []byte(head))
	if err != nil || c.HA != nil || c.Azure != nil {
		t.Errorf("config %+v, error %v", c, err)
	}
	head, _, _ = strings.Cut(goodFile, "azure:\n")
	if _, err := Parse("f", []byte(head)); err == nil || !strings.Contains(err.Error(), "f:1: azure: is missing, and the section ha needs it") {
		t.Errorf("ha without azure: %v", err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsocket.yaml")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte(goodFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, make([]byte, settings.MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("a huge file passes")
	}
}

// FuzzParse: what passes can be used, no check is left for later to panic on; and
// written down it is the same settings.
func FuzzParse(f *testing.F) {
	f.Add(goodFile)
	f.Add(Sample())
	f.Add(goodFile + goodCloud)
	f.Add("a: &a [*a]\n")
	f.Add("ha: {peer: [1], key: !!binary x}\n? {a: b}\n: c\n")
	f.Add("probes: {wan: [{a: 1}, [], ~]}\n<<: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f", []byte(text))
		if err != nil {
			return
		}
		if c.HA != nil && (c.Azure == nil || len(c.HA.KeyBytes()) != settings.KeySize || c.HA.Lease < 3*c.HA.Keepalive) {
			t.Errorf("passes: %+v", c.HA)
		}
		if c.Cloud == nil && (c.Egress == EgressTunnel || c.HA != nil && c.HA.Third == ThirdWitness) ||
			c.Cloud != nil && (len(c.Cloud.WitnessKeyBytes()) != settings.KeySize || len(c.Cloud.PoPs) == 0) {
			t.Errorf("passes: %+v, cloud %+v", c, c.Cloud)
		}
		written, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse("f", written); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%q is read as\n%+v\nand written as\n%s\nwhich is read as\n%+v\n%v", text, c, written, again, err)
		}
	})
}
