package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/ask"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/sitetest"
)

// bareAzure is an emulated Azure with a network that nobody is in, and the
// environment in which its administrator signs in.
func bareAzure(t *testing.T) *sitetest.Site {
	t.Helper()
	s := sitetest.New(t, true)
	s.Place(s.GroupID(sitetest.NetworkGroup)+"/providers/Microsoft.Network/virtualNetworks/vnet-edge", `{"location":"westeurope","properties":{
		"addressSpace":{"addressPrefixes":["10.7.0.0/16"]},"subnets":[{"name":"mgmt","properties":{"addressPrefix":"10.7.3.0/24"}},
		{"name":"wan","properties":{"addressPrefix":"10.7.1.0/24"}},{"name":"lan","properties":{"addressPrefix":"10.7.2.0/24"}}]}}`)
	for name, value := range map[string]string{"RELEVE_AZURE_ENDPOINT": s.Endpoint, "RELEVE_AZURE_CA": s.CAFile, "AZURE_TENANT_ID": store.DefaultTenant,
		"AZURE_CLIENT_ID": emulator.AdminClientID, "AZURE_CLIENT_SECRET": emulator.DefaultSecret, "AZURE_SUBSCRIPTION_ID": "",
		"AZURE_CLIENT_CERTIFICATE_PATH": "", "HOME": t.TempDir(), "RELEVE_LOGIN": filepath.Join(t.TempDir(), "login"), "RELEVE_MANAGER": ""} {
		t.Setenv(name, value)
	}
	return s
}

// azure runs a command line, with nobody at a terminal.
func azure(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	cmd := azureCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader(""))
	cmd.SetArgs(arguments)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

const opsKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8vN2Zb0Yw8wJd5VZb2l0yq3m4mJ2d8mY1m7c2v9n0x ops"

func deployLine(more ...string) []string {
	return append([]string{"deploy", "--site", "Paris Nord", "--unmanaged", "-g", sitetest.Group, "--network-group", sitetest.NetworkGroup, "--vnet", "vnet-edge",
		"--image", "Debian:debian-13:13-gen2:latest", "--package", "https://example.com/releve-vsocket.deb", "--package-sha256", strings.Repeat("5e", 32),
		"--ssh-key", opsKey}, more...)
}

func TestDeployByFlagsTwice(t *testing.T) {
	s := bareAzure(t)
	before := s.Store()
	out, err := azure(t, deployLine("--plan")...)
	if err != nil || !strings.Contains(out, "create vm: the vSocket itself, Standard_D8ls_v5 in zone 1") || !strings.Contains(out, "nothing has changed") {
		t.Errorf("the plan: %v\n%s", err, out)
	}
	if strings.Contains(out, "customData: ") {
		t.Errorf("the plan shows the user data:\n%s", out)
	}
	if differ := sitetest.Compare(before, s.Store()); differ != nil {
		t.Errorf("the plan changed:\n%s", strings.Join(differ, "\n"))
	}
	saved := filepath.Join(t.TempDir(), "answers.yaml")
	if out, err = azure(t, deployLine("--save-answers", saved)...); err != nil || !strings.Contains(out, "vm                       created") || !strings.Contains(out, "sudo releve-vsocket web passwd") {
		t.Fatalf("deploying: %v\n%s", err, out)
	}
	vm := document.Document(s.Get(s.VMID("Paris-Nord-primary")))
	if vm.Text("tags", "releve-deployed") != "primary" || vm.Texts("zones")[0] != "1" {
		t.Errorf("the VM is %s", vm.JSON())
	}
	after := s.Store()
	if out, err = azure(t, "deploy", "--answers", saved, "--unmanaged"); err != nil || !strings.Contains(out, "no changes") {
		t.Errorf("again, by its answers: %v\n%s", err, out)
	}
	if out, err = azure(t, "deploy", "--answers", saved, "--unmanaged", "--json", "--plan"); err != nil || strings.TrimSpace(out) != "[]" {
		t.Errorf("again, as JSON: %v\n%s", err, out)
	}
	if differ := sitetest.Compare(after, s.Store()); differ != nil {
		t.Errorf("deploying again changed:\n%s", strings.Join(differ, "\n"))
	}
	out, err = azure(t, deployLine("--role", "secondary", "--json")...)
	if err != nil {
		t.Fatalf("the secondary: %v\n%s", err, out)
	}
	var line struct{ Step, Outcome string }
	if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), &line); err != nil || line.Step != "vm" || line.Outcome != "created" {
		t.Errorf("the last line: %+v, %v\n%s", line, err, out)
	}
	second := document.Document(s.Get(s.VMID("Paris-Nord-secondary")))
	if second.Texts("zones")[0] != "2" || second.Text("properties", "hardwareProfile", "vmSize") != "Standard_D8ls_v5" {
		t.Errorf("the secondary is %s", second.JSON())
	}
}

// D10: Owner of the two groups is enough. What can be read at the subscription alone is
// told as not asked, as long as it matters.
func TestDeployAsAnOwner(t *testing.T) {
	s := bareAzure(t)
	const unasked = "note: whether Standard_D8ls_v5 can be had in westeurope couldn't be asked"
	if out, err := azure(t, deployLine("--plan")...); err != nil || strings.Contains(out, "note: ") {
		t.Errorf("as the subscription's administrator: %v\n%s", err, out)
	}
	own := asOperator(t, s)
	own(sitetest.Group)
	own(sitetest.NetworkGroup)
	for _, role := range []string{"primary", "secondary"} {
		out, err := azure(t, deployLine("--role", role)...)
		if err != nil || !strings.Contains(out, unasked) || !strings.Contains(out, "vm                       created") {
			t.Fatalf("the %s: %v\n%s", role, err, out)
		}
	}
	if out, err := azure(t, deployLine()...); err != nil || strings.Contains(out, "note: ") {
		t.Errorf("again: %v\n%s", err, out)
	}
}

func TestDeployListsWhatIsMissingAndWhatIsWrong(t *testing.T) {
	s := bareAzure(t)
	before := s.Store()
	file := filepath.Join(t.TempDir(), "answers.yaml")
	if err := os.WriteFile(file, []byte("zonne: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		line []string
		want []string
	}{
		{"nothing given", []string{"deploy", "--unmanaged"}, []string{"--site", "--resource-group  resource group of the VMs (rg-network, rg-site)", "--image", "--ssh-key", "hint: give these flags"}},
		{"no manager", deployLine()[:3], []string{"--manager and --enrol-key, or --unmanaged"}},
		{"a wrong answer", deployLine("--lan-ip", "10.7.2", "--vnet", "nowhere"), []string{`--lan-ip: "10.7.2" is no IP address`, `--vnet: "nowhere" isn't among vnet-edge`}},
		{"an unknown key in the file", []string{"deploy", "--answers", file}, []string{"line 1: unknown key zonne"}},
		{"all that is wrong", deployLine("--lan-ip", "10.7.2.1", "--name", "a b", "--availability-set", "x", "--zone", "1", "--size", "Standard_D2s_v5"),
			[]string{"4 things are in the way", "reserved by Azure", `"a b" can't be`, "zone and in an availability set", "takes 2 NICs"}},
		{"a package that isn't one", deployLine("--package-sha256", "abc"), []string{"64 hex digits"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, err := azure(t, c.line...)
			if err == nil {
				t.Fatalf("it went through:\n%s", out)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in:\n%v", want, err)
				}
			}
		})
	}
	if differ := sitetest.Compare(before, s.Store()); differ != nil {
		t.Errorf("asking changed:\n%s", strings.Join(differ, "\n"))
	}
}

// A person gets menus of what Azure has, and defaults.
func TestDeployByQuestions(t *testing.T) {
	bareAzure(t)
	var out bytes.Buffer
	cmd := deployCommand()
	cmd.SetOut(&out)
	d := deployment{unmanaged: true}
	d.talk.Given = map[string]string{"package": "https://example.com/x.deb", "package-sha256": strings.Repeat("5e", 32), "ssh-key": opsKey}
	typed := "\nParis\nrg-site\n1\nvnet-edge\n\n\n\n\n\n\n\n\n\nDebian:debian-13:13-gen2:latest\n\n\n"
	d.talk.Person = ask.NewTerminal(t.Context(), strings.NewReader(typed), &out)
	client, subscription, err := d.account.open(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	d.reader = readerOf(client, subscription.ID)
	if err := d.asked(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if err := d.check(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	w := d.vsocket
	if w.Name != "Paris-primary" || w.NetworkGroup != sitetest.NetworkGroup || w.Zone != "1" || w.Addrs["lan"].String() != "10.7.2.4" || w.Subnets["wan"] != "wan" {
		t.Errorf("answered: %+v\n%s", w, out.String())
	}
	if !strings.Contains(out.String(), "   1  rg-network\n") || !strings.Contains(out.String(), "subnet of the LAN NIC [lan]: ") {
		t.Errorf("shown:\n%s", out.String())
	}
}
