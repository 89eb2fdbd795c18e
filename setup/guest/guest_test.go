package guest

import (
	"encoding/base64"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is another text now (-want +got):\n%s", name, diff)
	}
}

// paris is a primary that wants everything.
func paris() VM {
	key := site.EnrolKey{Serial: site.MakeSerial(7)}
	return VM{
		Site: `Paris "Nord"`, Side: site.Primary,
		WAN: netip.MustParsePrefix("10.102.1.10/24"), LAN: netip.MustParsePrefix("10.102.2.10/24"), MGMT: netip.MustParsePrefix("10.102.3.10/24"),
		Probes:  []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("8.8.8.8")},
		Manager: "manager.example:8443", EnrolKey: key.String(),
		Package: &Package{URL: "https://example.blob.core.windows.net/deb/releve-vsocket.deb?sv=1&sig=a%2Fb", SHA256: strings.Repeat("5e", 32)},
	}
}

// played is what cloud-init makes of user data.
type played struct {
	Files []struct {
		Path, Permissions, Content string
	} `yaml:"write_files"`
	Run [][]string `yaml:"runcmd"`
}

func play(t *testing.T, v VM) (files map[string]string, p played) {
	t.Helper()
	data, err := CloudInit(v)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(data), "#cloud-config\n") {
		t.Error("cloud-init takes this for something else")
	}
	if err := yaml.UnmarshalWithOptions(data, &p, yaml.Strict()); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	files = map[string]string{}
	for _, f := range p.Files {
		files[f.Path] = f.Content
	}
	return files, p
}

func TestCloudInitIsWrittenAsThis(t *testing.T) {
	data, err := CloudInit(paris())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "stock.yaml", string(data))
}

// What cloud-init writes is what was meant, and the secrets are nobody else's to read.
func TestCloudInitReadBack(t *testing.T) {
	v := paris()
	files, p := play(t, v)
	if want := v.Manager + " " + v.EnrolKey + "\n"; files[EnrolFile] != want {
		t.Errorf("enrols with %q, want %q", files[EnrolFile], want)
	}
	c, err := config.Parse(ConfigFile, []byte(files[ConfigFile]))
	if err != nil {
		t.Fatal(err)
	}
	if c.Site != v.Site || c.Side != v.Side || c.Interfaces.LAN != (config.Interface{Address: v.LAN}) || c.Routes != config.RoutesOwn || c.HA != nil {
		t.Errorf("the agent runs from %+v", c)
	}
	if files[BootFile] != v.boot() {
		t.Errorf("boots by %q", files[BootFile])
	}
	if diff := cmp.Diff([][]string{{"sh", BootFile}}, p.Run); diff != "" {
		t.Error(diff)
	}
	for _, f := range p.Files {
		if f.Permissions != "0600" && f.Permissions != "0700" {
			t.Errorf("%s may be read by others: %s", f.Path, f.Permissions)
		}
	}
}

// From our image nothing is downloaded; without a manager nothing enrols.
func TestCloudInitLeavesOut(t *testing.T) {
	v := paris()
	v.Package, v.Manager, v.EnrolKey = nil, "", ""
	files, _ := play(t, v)
	if len(files) != 2 || strings.Contains(files[BootFile], "curl") || strings.Contains(files[BootFile], "channel") {
		t.Errorf("writes %v", files)
	}
}

func TestCloudInitRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		spoil func(*VM)
		says  string
	}{
		"no name":        {func(v *VM) { v.Site = "" }, "name"},
		"no side":        {func(v *VM) { v.Side = site.NoSide }, "primary or the secondary"},
		"no LAN":         {func(v *VM) { v.LAN = netip.Prefix{} }, "LAN"},
		"IPv6":           {func(v *VM) { v.WAN = netip.MustParsePrefix("fd00::1/64") }, "WAN"},
		"no probes":      {func(v *VM) { v.Probes = nil }, "ping"},
		"half a manager": {func(v *VM) { v.EnrolKey = "" }, "go together"},
		"bad key":        {func(v *VM) { v.EnrolKey = "RLV" }, "key"},
		"no port":        {func(v *VM) { v.Manager = "manager.example" }, "HOST:PORT"},
		"two words":      {func(v *VM) { v.Manager = "a:1 b" }, "HOST:PORT"},
		"quoted URL":     {func(v *VM) { v.Package.URL += "'; reboot '" }, "URL"},
		"file":           {func(v *VM) { v.Package.URL = "file:///x.deb" }, "URL"},
		"short digest":   {func(v *VM) { v.Package.SHA256 = "5e" }, "SHA-256"},
		"too long":       {func(v *VM) { v.Package.URL += strings.Repeat("x", 64<<10) }, "Azure takes"},
	} {
		t.Run(what, func(t *testing.T) {
			v := paris()
			c.spoil(&v)
			if _, err := CloudInit(v); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %v, want %q", err, c.says)
			}
		})
	}
}

const patch = "azure:\n  subscription: 11111111-1111-1111-1111-111111111111\nha:\n  key: \"$HOME `id` 'q' \\\\\"\n"

const authorities = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"

func scriptOf(t *testing.T, protected map[string]any) string {
	t.Helper()
	script, err := base64.StdEncoding.DecodeString(protected["script"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// The settings come out of the shell as they went in, and nothing of them is public.
func TestScript(t *testing.T) {
	public, protected := Script(patch, authorities, "d1", "k1")
	golden(t, "merge.sh", scriptOf(t, protected))
	if len(public) != 1 || len(protected) != 1 {
		t.Errorf("the handler refuses keys that it doesn't know: %v, %v", public, protected)
	}
	_, without := Script(patch, "", "d1", "k1")
	if script := scriptOf(t, without); strings.Contains(script, CAFile) {
		t.Errorf("writes certificates that there are none of:\n%s", script)
	}
	same, _ := Script(patch, "", "d1", "k1")
	other, _ := Script(patch, "", "d1", "k2")
	if public["timestamp"] != same["timestamp"] || public["timestamp"] == other["timestamp"] {
		t.Errorf("runs again at the wrong time: %v, %v, %v", public, same, other)
	}
	_, protected = Unset("ha", "azure")
	golden(t, "unset.sh", scriptOf(t, protected))
}
