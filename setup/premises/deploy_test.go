package premises_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/apply"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/guest"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/premises"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// ground is an Azure with a virtual network that nobody is in, an image and a
// VHD; the healthy site of sitetest is beside it.
type ground struct {
	*sitetest.Site
	t      *testing.T
	client *account.Client
}

const (
	vhd = "https://images1.blob.core.windows.net/vhds/releve-vsocket.vhd"
	key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8vN2Zb0Yw8wJd5VZb2l0yq3m4mJ2d8mY1m7c2v9n0x ops"
)

func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{Site: sitetest.New(t, true), t: t}
	lan := func(name, prefix string) string {
		return `{"name":"` + name + `","properties":{"addressPrefix":"` + prefix + `","futureFlag":7}}`
	}
	g.Place(g.vnet(), `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.7.0.0/16"]},"subnets":[`+
		strings.Join([]string{lan("edge-mgmt", "10.7.3.0/24"), lan("edge-wan", "10.7.1.0/24"), lan("edge-lan", "10.7.2.0/24")}, ",")+`]}}`)
	g.blob("images1", "westeurope", "releve-vsocket.vhd", "PageBlob")
	g.signIn(g.Credential())
	return g
}

// signIn makes the ground's client that of somebody.
func (g *ground) signIn(who azcore.TokenCredential) {
	g.t.Helper()
	transport, err := account.Transport(g.CAFile)
	if err != nil {
		g.t.Fatal(err)
	}
	g.client, err = account.New(account.Config{Endpoint: g.Endpoint, Audience: "https://management.azure.com", Credential: who, Transport: emulated{transport, g.Endpoint}})
	if err != nil {
		g.t.Fatal(err)
	}
}

// emulated leads what is asked of a storage account to the emulated Azure, too.
type emulated struct {
	*http.Client
	endpoint string
}

func (e emulated) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Host, ".blob.") {
		r = r.Clone(r.Context())
		r.Host, r.URL.Host = r.URL.Host, strings.TrimPrefix(e.endpoint, "https://")
	}
	return e.Client.Do(r)
}

// blob puts one into the container vhds of an account.
func (g *ground) blob(name, location, blob, kind string) {
	g.t.Helper()
	id := g.account(name)
	g.Place(id, `{"location":"`+location+`"}`)
	g.Place(id+"/blobServices/default/containers/vhds", `{}`)
	g.Place(id+"/blobServices/default/containers/vhds/blobs/"+blob, `{"properties":{"contentLength":1024,"blobType":"`+kind+`"}}`)
}

func (g *ground) account(name string) string { return g.ID("Microsoft.Storage/storageAccounts", name) }

// vhd makes a vSocket of another VHD.
func (g *ground) vhd(url string) func(*plan.VSocket) {
	return func(w *plan.VSocket) {
		var err error
		if w.Image, err = plan.ParseImage(g.Subscription, w.Group, url); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *ground) vnet() string {
	return g.GroupID(sitetest.NetworkGroup) + "/providers/Microsoft.Network/virtualNetworks/vnet-edge"
}

// wanted is a vSocket as the questions' defaults have it.
func (g *ground) wanted(side site.Side, change func(*plan.VSocket)) (*plan.VSocket, string) {
	g.t.Helper()
	host := byte(9 + side)
	w := &plan.VSocket{Side: side, Name: "edge-" + side.String(), Group: sitetest.Group, NetworkGroup: sitetest.NetworkGroup, VNet: "vnet-edge",
		Subnets: map[string]string{plan.MGMT: "edge-mgmt", plan.WAN: "edge-wan", plan.LAN: "edge-lan"},
		Addrs:   map[string]netip.Addr{plan.MGMT: netip.AddrFrom4([4]byte{10, 7, 3, host}), plan.WAN: netip.AddrFrom4([4]byte{10, 7, 1, host}), plan.LAN: netip.AddrFrom4([4]byte{10, 7, 2, host})},
		Size:    "Standard_D8ls_v5", Zone: fmt.Sprint(uint8(side)), User: "ops", SSHKey: key}
	var err error
	if w.Image, err = plan.ParseImage(g.Subscription, w.Group, vhd); err != nil {
		g.t.Fatal(err)
	}
	pair := ""
	if side == site.Secondary {
		pair = "edge-primary"
	}
	if change != nil {
		change(w)
	}
	return w, pair
}

func (g *ground) read(w *plan.VSocket, pair string) *plan.Premises {
	g.t.Helper()
	p, err := (&premises.Reader{ARM: g.client, Subscription: g.Subscription}).Read(g.t.Context(), w, pair)
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

// steps are those of a deployment that has been checked.
func (g *ground) steps(w *plan.VSocket, pair string) []plan.Step {
	g.t.Helper()
	p := g.read(w, pair)
	if wrong := plan.CheckDeploy(w, p); wrong != nil {
		g.t.Fatalf("checked: %v", errors.Join(wrong...))
	}
	text, err := guest.CloudInit(w.Guest(p, guest.VM{Site: "edge", Probes: []netip.Addr{netip.MustParseAddr("1.1.1.1")}}))
	if err != nil {
		g.t.Fatal(err)
	}
	w.UserData = text
	return plan.Deploy(w, p)
}

type quiet struct{ outcomes []string }

func (q *quiet) Waiting(string, time.Duration) {}

func (q *quiet) Step(e apply.Event) {
	if e.Outcome != apply.Begun {
		q.outcomes = append(q.outcomes, e.Step.Name+" "+string(e.Outcome))
	}
}

func (g *ground) deploy(side site.Side, change func(*plan.VSocket)) []string {
	g.t.Helper()
	w, pair := g.wanted(side, change)
	var q quiet
	a := apply.Applier{ARM: g.client, Progress: &q}
	if err := a.Run(g.t.Context(), g.steps(w, pair), &plan.Known{}); err != nil {
		g.t.Fatal(err)
	}
	return q.outcomes
}

func TestAPairIsDeployedAndDeployingAgainChangesNothing(t *testing.T) {
	g := newGround(t)
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		made := g.deploy(side, nil)
		if !slices.Contains(made, "vm created") {
			t.Errorf("%s: %q", side, made)
		}
	}
	after := g.Store()
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		for _, outcome := range g.deploy(side, nil) {
			if !strings.HasSuffix(outcome, " unchanged") {
				t.Errorf("%s again: %s", side, outcome)
			}
		}
		w, pair := g.wanted(side, nil)
		changes, err := apply.Plan(t.Context(), g.client, g.steps(w, pair), &plan.Known{})
		if err != nil || len(changes) > 0 {
			t.Errorf("%s: the plan has %v, %v", side, changes, err)
		}
	}
	if differ := sitetest.Compare(after, g.Store()); differ != nil {
		t.Errorf("deploying again changed:\n%s", strings.Join(differ, "\n"))
	}
	lan := document.Document(g.Get(g.ID("Microsoft.Network/networkInterfaces", "edge-secondary-lan")))
	if !lan.Bool("properties", "enableIPForwarding") || lan.Get("properties", "networkSecurityGroup") != nil {
		t.Errorf("the secondary's LAN NIC is %s", lan.JSON())
	}
	subnet := document.Document(g.Get(g.vnet() + "/subnets/edge-wan"))
	if subnet.Text("properties", "networkSecurityGroup", "id") == "" || fmt.Sprint(subnet.Get("properties", "futureFlag")) != "7" {
		t.Errorf("the WAN subnet is %s", subnet.JSON())
	}
	address := document.Document(g.Get(g.ID("Microsoft.Network/publicIPAddresses", "edge-secondary-wan-ip")))
	if address.Text("sku", "name") != "Standard" || address.Texts("zones")[0] != "2" {
		t.Errorf("the WAN's public address is %s", address.JSON())
	}
}

func TestInAnAvailabilitySet(t *testing.T) {
	g := newGround(t)
	set := func(w *plan.VSocket) {
		w.Zone, w.Set = "", "edge-set"
		w.Image = plan.Image{URN: &plan.URN{Publisher: "Debian", Offer: "debian-13", SKU: "13-gen2", Version: "latest"}}
	}
	made := append(g.deploy(site.Primary, set), g.deploy(site.Secondary, set)...)
	if made[slices.Index(made, "availability-set created")+1] == "" || slices.Contains(made, "image created") {
		t.Errorf("%q", made)
	}
	vm := document.Document(g.Get(g.VMID("edge-secondary")))
	if !document.Same(vm.Text("properties", "availabilitySet", "id"), g.ID("Microsoft.Compute/availabilitySets", "edge-set")) {
		t.Errorf("the secondary is %s", vm.JSON())
	}
}

var errKilled = errors.New("killed")

// Killed after each step and run again, it ends as an undisturbed run.
func TestADeploymentThatWasKilledIsGoneOnWith(t *testing.T) {
	undisturbed := newGround(t)
	undisturbed.deploy(site.Primary, nil)
	want := undisturbed.Store()
	w, pair := undisturbed.wanted(site.Primary, nil)
	count := len(undisturbed.steps(w, pair))
	for kill := 1; kill < 2*count; kill += 2 { // after each step, which is before the next
		g := newGround(t)
		w, pair := g.wanted(site.Primary, nil)
		seen := -1
		a := apply.Applier{ARM: g.client, Progress: &quiet{}, Between: func(string, bool) error {
			if seen++; seen == kill {
				return errKilled
			}
			return nil
		}}
		if err := a.Run(t.Context(), g.steps(w, pair), &plan.Known{}); !errors.Is(err, errKilled) {
			t.Fatalf("kill %d: %v", kill, err)
		}
		g.deploy(site.Primary, nil)
		if differ := sitetest.Compare(want, g.Store()); differ != nil {
			t.Errorf("killed at %d, gone on with, it differs:\n%s", kill, strings.Join(differ, "\n"))
		}
	}
}

func TestAllThatIsWrongIsFoundBeforeTheFirstChange(t *testing.T) {
	g := newGround(t)
	g.deploy(site.Primary, nil)
	g.blob("images1", "westeurope", "blocks.vhd", "BlockBlob")
	g.blob("images2", "northeurope", "a.vhd", "PageBlob")
	before := g.Store()
	addr := netip.MustParseAddr
	cases := []struct {
		name   string
		side   site.Side
		change func(*plan.VSocket)
		want   []string
	}{
		{"nothing", site.Secondary, nil, nil},
		{"a name with a space", site.Secondary, func(w *plan.VSocket) { w.Name = "edge 2" }, []string{`"edge 2" can't be a VM's name`}},
		{"zone and set", site.Secondary, func(w *plan.VSocket) { w.Set = "edge-set" }, []string{"zone and in an availability set", "the primary is in no availability set"}},
		{"another size", site.Secondary, func(w *plan.VSocket) { w.Size = "Standard_D8s_v5" }, []string{"the primary edge-primary is of size Standard_D8ls_v5"}},
		{"a size that takes two NICs", site.Primary, func(w *plan.VSocket) { moved(w); w.Size = "Standard_D2s_v5" }, []string{"takes 2 NICs"}},
		{"a size that isn't there", site.Primary, func(w *plan.VSocket) { moved(w); w.Size = "Standard_X" }, []string{"no VM size Standard_X"}},
		{"a size that isn't in the zone", site.Secondary, func(w *plan.VSocket) { w.Zone = "3" }, []string{"can't be had in zone 3, only in 1, 2"}},
		{"no zone beside one", site.Secondary, func(w *plan.VSocket) { w.Zone = "" }, []string{"the primary is in a zone"}},
		{"a reserved address", site.Secondary, func(w *plan.VSocket) { w.Addrs[plan.LAN] = addr("10.7.2.3") }, []string{"reserved by Azure"}},
		{"an address outside", site.Secondary, func(w *plan.VSocket) { w.Addrs[plan.WAN] = addr("10.7.9.9") }, []string{"WAN: address 10.7.9.9 is outside"}},
		{"the primary's address", site.Secondary, func(w *plan.VSocket) { w.Addrs[plan.LAN] = addr("10.7.2.10") }, []string{"10.7.2.10 is somebody else's"}},
		{"another subnet", site.Secondary, func(w *plan.VSocket) {
			w.Subnets[plan.LAN], w.Subnets[plan.WAN] = "edge-wan", "edge-lan"
			w.Addrs[plan.LAN], w.Addrs[plan.WAN] = w.Addrs[plan.WAN], w.Addrs[plan.LAN]
		}, []string{"the primary's WAN is in subnets edge-wan", "the primary's LAN is in subnets edge-lan"}},
		{"no such subnet", site.Secondary, func(w *plan.VSocket) { w.Subnets[plan.MGMT] = "nowhere" }, []string{"no subnet nowhere for MGMT"}},
		{"no such network", site.Secondary, func(w *plan.VSocket) { w.VNet = "nowhere" }, []string{"no virtual network nowhere"}},
		{"no such group", site.Secondary, func(w *plan.VSocket) { w.Group = "nowhere" }, []string{"no resource group nowhere"}},
		{"no such image", site.Secondary, func(w *plan.VSocket) { w.Image = plan.Image{ID: g.ID("Microsoft.Compute/images", "nowhere")} }, []string{"no image"}},
		{"a VHD in another group (D4)", site.Secondary, g.vhd("https://elsewhere.blob.core.windows.net/vhds/a.vhd"), []string{"in no container vhds of a storage account elsewhere"}},
		{"a VHD in no container (D4)", site.Secondary, g.vhd("https://images1.blob.core.windows.net/other/a.vhd"), []string{"in no container other"}},
		{"a VHD that isn't there (D4)", site.Secondary, g.vhd("https://images1.blob.core.windows.net/vhds/a.vhd"), []string{"no blob a.vhd in the container vhds"}},
		{"a VHD that is a block blob", site.Secondary, g.vhd("https://images1.blob.core.windows.net/vhds/blocks.vhd"), []string{"blocks.vhd is no page blob"}},
		{"a VHD in another region", site.Secondary, g.vhd("https://images2.blob.core.windows.net/vhds/a.vhd"), []string{"a.vhd is in northeurope"}},
		{"a VM of the name in another zone (D2)", site.Primary, func(w *plan.VSocket) { w.Zone = "2" }, []string{"there is a VM edge-primary already, and its zone is 1"}},
		{"a subnet with others in it", site.Primary, func(w *plan.VSocket) {
			w.Name, w.VNet = "other", sitetest.VNet
			w.Subnets = map[string]string{plan.MGMT: sitetest.MGMT, plan.WAN: sitetest.WAN, plan.LAN: sitetest.LAN}
			for i, nic := range []string{plan.WAN, plan.LAN, plan.MGMT} {
				w.Addrs[nic] = netip.AddrFrom4([4]byte{10, 102, byte(i + 1), 77})
			}
		}, []string{"subnet mgmt has others", "subnet wan has others", "subnet lan has others"}},
		{"everything at once", site.Secondary, func(w *plan.VSocket) {
			w.Name, w.Size, w.Addrs[plan.LAN], w.Set = "a b", "Standard_X", addr("10.7.2.255"), "s"
		}, []string{"VM's name", "zone and in", "no VM size", "size Standard_D8ls_v5", "reserved", "no availability set"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, pair := g.wanted(c.side, c.change)
			wrong := plan.CheckDeploy(w, g.read(w, pair))
			text := fmt.Sprint(errors.Join(wrong...))
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in:\n%s", want, text)
				}
			}
			if len(wrong) != len(c.want) {
				t.Errorf("%d problems, want %d:\n%s", len(wrong), len(c.want), text)
			}
		})
	}
	if differ := sitetest.Compare(before, g.Store()); differ != nil {
		t.Errorf("looking changed:\n%s", strings.Join(differ, "\n"))
	}
}

// moved is another vSocket than the one that is there.
func moved(w *plan.VSocket) {
	w.Name = "other"
	for nic, addr := range w.Addrs {
		four := addr.As4()
		four[3] += 100
		w.Addrs[nic] = netip.AddrFrom4(four)
	}
}

func TestImages(t *testing.T) {
	for text, want := range map[string]string{
		vhd:                               "VHD of images1, vhds, releve-vsocket.vhd",
		"Debian:debian-13:13-gen2:latest": "URN Debian", "releve-vsocket": "ID /subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/releve-vsocket",
		"https://images1.blob.core.windows.net/vhds/x.vhdx":       "wrong: no VHDX",
		"https://images1.blob.core.windows.net/vhds/x.vhd?sig=12": "wrong: signature", "https://example.com/x": "wrong: ACCOUNT.blob",
		"a:b::d": "wrong: URN", "an image": "wrong: no image", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v": "wrong: is no image",
	} {
		i, err := plan.ParseImage("s", "g", text)
		var got string
		switch {
		case err != nil:
			got = "wrong: " + err.Error()
		case i.VHD != nil:
			got = fmt.Sprintf("VHD of %s, %s, %s", i.VHD.Account, i.VHD.Container, i.VHD.Blob)
		case i.URN != nil:
			got = "URN " + i.URN.Publisher
		default:
			got = "ID " + i.ID
		}
		if prefix, rest, _ := strings.Cut(want, ": "); !strings.HasPrefix(got, prefix) || !strings.Contains(got, rest) {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}
