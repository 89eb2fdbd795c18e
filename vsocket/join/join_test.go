package join

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/tunnel"
	"releve.dev/releve/vsocket/config"
)

const file = `site: here
side: primary
interfaces:
  wan: {name: eth1, address: 10.102.1.10/24}
  lan: {name: eth2, address: 10.102.2.10/24}
  mgmt: {name: eth0, address: 10.102.3.10/24}
probes:
  wan: [1.1.1.1]
azure:
  subscription: 11111111-1111-1111-1111-111111111111
  nic: {resource_group: rg, name: primary-lan}
  peer_nic: {resource_group: rg, name: secondary-lan}
  subnet: {resource_group: rg-net, vnet: vnet, name: lan}
`

const fileHA = `ha:
  peer: {lan: 10.102.2.12, mgmt: 10.102.3.12}
  floating_ip: 10.102.2.201
  key: IAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
  hold: 20s
`

func key(first byte) []byte {
	key := make([]byte, 32)
	key[0] = first
	return key
}

var own = tunnel.Key(key(8))

func whole() *contract.Settings {
	return &contract.Settings{
		Generation: 7, Site: "Paris", Side: contract.Settings_PRIMARY, LanIp: "10.102.2.10",
		Ha: &contract.HA{FloatingIp: "10.102.2.200", PeerSerial: "RLV-2", PeerLan: "10.102.2.11", PeerMgmt: "10.102.3.11", Key: key(1),
			KeepaliveMs: 20, SilentMs: 100, ConfirmMs: 500, HoldMs: 5000, Preempt: "off", Alone: "stop"},
		Cloud: &contract.Cloud{SiteNumber: 9, Address: "100.64.0.9", WitnessKey: key(2), Pops: []*contract.PoP{
			{Name: "pop1", Endpoint: "203.0.113.30:51820", PublicKey: key(3), Witness: "100.64.0.1:20481"}}},
	}
}

// A file with what only the VM knows becomes a whole config.
func TestJoin(t *testing.T) {
	c, _, err := Join("f", []byte(file), whole(), own)
	if err != nil {
		t.Fatal(err)
	}
	ha := c.HA
	if c.Site != "Paris" || ha.FloatingIP != netip.MustParseAddr("10.102.2.200") || ha.Peer.MGMT != netip.MustParseAddr("10.102.3.11") ||
		ha.Keepalive != 20*time.Millisecond || ha.Silent != 100*time.Millisecond || ha.Confirm != 500*time.Millisecond || ha.Hold != 5*time.Second ||
		ha.Preempt != config.PreemptOff || ha.Alone != config.AloneStop || ha.Generation != 7 || ha.KeyBytes()[0] != 1 {
		t.Errorf("%s: %+v", c.Site, ha)
	}
	if ha.Lease != ha.Silent || ha.Third != config.ThirdWitness || c.Egress != config.EgressTunnel {
		t.Errorf("what depends on others: lease %s, third %s, egress %s", ha.Lease, ha.Third, c.Egress)
	}
	cloud := c.Cloud
	if cloud.SiteID != 9 || cloud.Device != "rlv-tun" || len(cloud.PoPs) != 1 || cloud.PoPs[0].Endpoint.Port() != 51820 ||
		cloud.WitnessKeyBytes()[0] != 2 || tunnel.Key(cloud.PrivateKeyBytes()) != own {
		t.Errorf("%+v", cloud)
	}
	local, public := Local(c, own), own.Public()
	if local.LanIp != "10.102.2.10" || local.MgmtIp != "10.102.3.10" || string(local.TunnelKey) != string(public[:]) {
		t.Errorf("tells %v", local)
	}
}

// What the settings leave empty stays as the file has it; and without settings
// the file is all.
func TestJoinKeepsTheFiles(t *testing.T) {
	s := whole()
	s.Cloud, s.Ha = nil, &contract.HA{FloatingIp: "10.102.2.200"}
	c, _, err := Join("f", []byte(file+fileHA), s, own)
	if err != nil {
		t.Fatal(err)
	}
	if ha := c.HA; ha.FloatingIP != netip.MustParseAddr("10.102.2.200") || ha.Peer.LAN != netip.MustParseAddr("10.102.2.12") || ha.Hold != 20*time.Second ||
		ha.KeyBytes()[0] != 0x20 || ha.Third != config.ThirdARM || c.Cloud != nil || c.Egress != config.EgressNAT {
		t.Errorf("%+v", c.HA)
	}
	s.Ha = nil
	if c, _, err = Join("f", []byte(file+fileHA), s, own); err != nil || c.HA == nil || c.HA.Generation != 1 {
		t.Errorf("without HA settings the file's are gone: %v, %v", c, err)
	}
	device := file + "cloud: {device: rlv-a}\n"
	if c, _, err = Join("f", []byte(device), nil, own); err != nil || c.Cloud != nil || c.Egress != config.EgressNAT {
		t.Errorf("a device is taken for a cloud: %+v, %v", c, err)
	}
	if c, _, err = Join("f", []byte(device), whole(), own); err != nil || c.Cloud.Device != "rlv-a" || c.Cloud.SiteID != 9 {
		t.Errorf("the file's device doesn't count: %+v, %v", c, err)
	}
	if _, _, err = Join("f", []byte(device+"egress: tunnel\n"), nil, own); err == nil {
		t.Error("a tunnel to nowhere is all right")
	}
	if c, _, err = Join("f", []byte(file), nil, own); err != nil || c.HA != nil || c.Cloud != nil || c.Site != "here" {
		t.Errorf("alone: %+v, %v", c, err)
	}
}

// Settings that don't fit say what doesn't and where it is from; never a secret.
func TestJoinProblems(t *testing.T) {
	tests := []struct {
		spoil func(s *contract.Settings)
		want  string
	}{
		{func(s *contract.Settings) { s.Ha.FloatingIp = "10.9.9.9" },
			"the manager's settings: ha.floating_ip: address 10.9.9.9 is outside the subnet 10.102.2.0/24"},
		{func(s *contract.Settings) { s.Ha.FloatingIp = "ten" }, `the manager's settings: ha.floating_ip: "ten" is not an IP address`},
		{func(s *contract.Settings) { s.Ha.Key = key(1)[:30] }, "the manager's settings: ha.key: is 30 bytes long, not 32"},
		{func(s *contract.Settings) { s.Ha.SilentMs = 50 }, "the manager's settings: ha.silent: 50ms is shorter than 3 keepalives (60ms)"},
		{func(s *contract.Settings) { s.Side = contract.Settings_SECONDARY }, "f:2: side: is primary, and the manager says secondary"},
		{func(s *contract.Settings) { s.LanIp = "10.102.2.9" }, "f:5: interfaces.lan.address: is 10.102.2.10, and the manager says 10.102.2.9"},
		{func(s *contract.Settings) { s.Cloud.Address = "10.0.0.1" }, "the manager's settings: cloud.address: 10.0.0.1 is not in 100.64.0.0/10"},
		{func(s *contract.Settings) { s.Cloud.Pops[0].Endpoint = "pop" }, `the manager's settings: cloud.pops[0].endpoint: "pop" is not an IP address with a port`},
		{func(s *contract.Settings) { s.Cloud.Pops[0].PublicKey = nil }, "the manager's settings: cloud.pops[0].public_key: is missing"},
		{func(s *contract.Settings) { s.Cloud.WitnessKey = s.Ha.Key }, "the manager's settings: cloud.witness_key: is the keepalives' (ha.key)"},
	}
	for _, test := range tests {
		s := proto.Clone(whole()).(*contract.Settings)
		test.spoil(s)
		_, _, err := Join("f", []byte(file), s, own)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), own.String()) {
			t.Errorf("tells a secret: %v", err)
		}
	}
	if _, _, err := Join("f", []byte(without+fileHA), whole(), own); err == nil || !strings.Contains(err.Error(), "azure: is missing, and the section ha needs it") {
		t.Errorf("a file with HA and without Azure: %v", err)
	}
}

var without, _, _ = strings.Cut(file, "azure:")

// HA settings that others have yet to complete wait, and the rest counts. What is
// wrong with the file itself is told as such.
func TestJoinWithoutWhatHANeeds(t *testing.T) {
	alone := whole()
	alone.Ha.PeerMgmt = ""
	for _, test := range []struct {
		file     string
		settings *contract.Settings
		waits    string
	}{
		{file, whole(), ""},
		{without, whole(), "HA waits for the section azure in this vSocket's file"},
		{without, alone, "HA waits for the section azure in this vSocket's file"},
		{file, alone, "HA waits for the other vSocket"},
		{file + fileHA, alone, ""},
		{without, &contract.Settings{Cloud: whole().Cloud}, ""},
	} {
		c, waits, err := Join("f", []byte(test.file), test.settings, own)
		if err != nil || !strings.HasPrefix(waits, test.waits) || (waits == "") != (test.waits == "") {
			t.Errorf("waits %q, want %q (%v)", waits, test.waits, err)
			continue
		}
		if has := c.HA != nil; has != (waits == "" && test.settings.Ha != nil) || c.Cloud == nil || c.Cloud.SiteID != 9 {
			t.Errorf("%s: HA %t, cloud %+v", waits, has, c.Cloud)
		}
	}
	if _, _, err := Join("f", []byte(without+"azure: {subscription: x}\n"), whole(), own); err == nil || !strings.Contains(err.Error(), "azure.subscription") {
		t.Errorf("a section that is wrong is taken for none: %v", err)
	}
}

// Whoever asks first makes the key, and everybody gets that one.
func TestOwnKeyIsMadeOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "manager")
	var keys [8]tunnel.Key
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = OwnKey(folder); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, one := range keys {
		if one != keys[0] || one == (tunnel.Key{}) {
			t.Fatal("more than one key")
		}
	}
	names, err := os.ReadDir(folder)
	if err != nil || len(names) != 1 {
		t.Errorf("left behind: %v, %v", names, err)
	}
	if info, err := names[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(folder, KeyFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OwnKey(folder); err == nil || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("a spoilt key is used or replaced: %v", err)
	}
}
