package config

import (
	"net/netip"
	"strings"
	"testing"
)

const goodCloud = `cloud:
  private_key: IAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
  address: 100.64.1.1
  site_id: 1
  witness_key: MAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
  pops:
    - name: pop1
      endpoint: 203.0.113.30:51820
      public_key: QAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
      witness: 100.64.0.1:20481
    - {name: pop2, endpoint: "203.0.113.31:51820", public_key: UAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, witness: "100.64.0.2:20481"}
`

// With a cloud its witness is the third, and its tunnel the way out.
func TestCloud(t *testing.T) {
	c, err := Parse("f", []byte(goodFile+goodCloud))
	if err != nil {
		t.Fatal(err)
	}
	if c.Egress != EgressTunnel || c.HA.Third != ThirdWitness || c.Cloud.Device != "rlv-tun" {
		t.Errorf("egress %s, third %s, device %s", c.Egress, c.HA.Third, c.Cloud.Device)
	}
	if key := c.Cloud.WitnessKeyBytes(); len(key) != 32 || key[0] != 0x30 {
		t.Errorf("witness key is %x", key)
	}
	if pops := c.Cloud.PoPs; len(pops) != 2 || pops[0].Name != "pop1" || pops[1].Witness != netip.MustParseAddrPort("100.64.0.2:20481") {
		t.Errorf("PoPs are %+v", pops)
	}
	text := strings.Replace(goodFile, "ha:\n", "egress: nat\nha:\n  third: arm\n", 1)
	if c, err = Parse("f", []byte(text+goodCloud)); err != nil || c.Egress != EgressNAT || c.HA.Third != ThirdARM {
		t.Errorf("what is given doesn't count: %+v, %v", c, err)
	}
	solo, _, _ := strings.Cut(goodFile, "ha:\n")
	if c, err = Parse("f", []byte(solo+goodCloud)); err != nil || c.Egress != EgressTunnel {
		t.Errorf("without ha: %+v, %v", c, err)
	}
}

// Each rule of the section names the line, the path and the rule, and never a
// secret.
func TestCloudProblems(t *testing.T) {
	const own = "\nhint: head -c 32 /dev/urandom | base64 makes one; each vSocket has its own"
	tests := []struct{ from, to, want string }{
		{"private_key: IAEC", "private_key: IAE", "f:20: cloud.private_key: is not base64" + own},
		{"witness_key: MAECAwQF", "witness_key: ", "f:23: cloud.witness_key: is 26 bytes long, not 32" + own},
		{"witness_key: MAEC", "witness_key: AAEC", "f:23: cloud.witness_key: is the keepalives' (ha.key)" + own},
		{"  witness_key: MAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "", "f:19: cloud.witness_key: is missing"},
		{"  address", "  device: eth2\n  address", `f:21: cloud.device: "eth2" is one of the interfaces: the tunnel makes its own`},
		{"  address", "  device: a/b\n  address", "f:21: cloud.device: \"a/b\" is not the name of a network interface\nhint: ip link lists the names"},
		{"100.64.1.1", "10.64.1.1", "f:21: cloud.address: 10.64.1.1 is not in 100.64.0.0/10, where the addresses inside tunnels are"},
		{"100.64.1.1", "100.64.0.2", "f:29: cloud.pops[1].witness: 100.64.0.2 is this vSocket's own address (cloud.address)"},
		{"site_id: 1", "site_id: 0", "f:22: cloud.site_id: 0 is not between 1 and 4294967295"},
		{"site_id: 1", "site_id: 4294967296", "f:22: cloud.site_id: 4294967296 is not between 1 and 4294967295"},
		{"  site_id: 1\n", "", "f:19: cloud.site_id: is missing"},
		{"name: pop2, ", "", "f:29: cloud.pops[1].name: is missing"},
		{"name: pop2", "name: pop1", `f:29: cloud.pops[1].name: "pop1" is another one's name`},
		{"name: pop1", `name: "a\nb"`, `f:25: cloud.pops[0].name: "a\nb" is no name: 1 to 80 characters on one line`},
		{"203.0.113.30:51820", "203.0.113.30", `f:26: cloud.pops[0].endpoint: "203.0.113.30" is not an IP address with a port, like 203.0.113.30:51820`},
		{"203.0.113.30:51820", "203.0.113.30:0", "f:26: cloud.pops[0].endpoint: 203.0.113.30:0 is not an IPv4 address with a port"},
		{"203.0.113.30:51820", `"[2001:db8::1]:51820"`, "f:26: cloud.pops[0].endpoint: [2001:db8::1]:51820 is not an IPv4 address with a port"},
		{"public_key: QAEC", "public_key: QAE", "f:27: cloud.pops[0].public_key: is not base64\nhint: releve-pop tells its own"},
		{"100.64.0.1:20481", "100.64.0.1:0", "f:28: cloud.pops[0].witness: 100.64.0.1:0 has no port"},
		{"100.64.0.1:20481", "203.0.113.30:20481", "f:28: cloud.pops[0].witness: 203.0.113.30 is not in 100.64.0.0/10, where the addresses inside tunnels are"},
		{goodCloud[strings.Index(goodCloud, "    - name"):], "    []\n", "f:24: cloud.pops: is empty\nhint: leave the section cloud out where there is no PoP"},
		{goodCloud[strings.Index(goodCloud, "  pops"):], "", "f:19: cloud.pops: is missing"},
		{"      witness: 100.64.0.1:20481\n", "      wit: 1\n", "f:25: cloud.pops[0].witness: is missing\nf:28: cloud.pops[0].wit: unknown key; cloud.pops[0] has endpoint, name, public_key, witness"},
	}
	for _, test := range tests {
		text := goodFile + strings.Replace(goodCloud, test.from, test.to, 1)
		_, err := Parse("f", []byte(text))
		if text == goodFile+goodCloud {
			t.Errorf("nothing has %q", test.from)
		} else if err == nil || err.Error() != test.want {
			t.Errorf("%q for %q\n got: %v\nwant: %s", test.to, test.from, err, test.want)
		}
	}
}
