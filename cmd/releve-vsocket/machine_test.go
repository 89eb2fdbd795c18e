package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/machine"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/packaging"
	"releve.dev/releve/setup/guest"
	"releve.dev/releve/site"
)

// vm is a VM of the lab with our package in its image, and its three NICs as Azure's
// DHCP sets them up: MGMT first, a default route each.
type vm struct {
	t    *testing.T
	host *room.Host
	*machine.Machine
}

var nicOrder = [...]string{azuresite.MGMT, azuresite.WAN, azuresite.LAN}

func newVM(t *testing.T, data []byte) *vm {
	if !room.Inside() {
		t.Skip("no network namespaces of one's own here")
	}
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("this machine has no dpkg")
	}
	program, err := room.Program()
	must(t, err)
	dir, err := os.MkdirTemp(room.Dir, "vm-")
	must(t, err)
	host, err := room.NewHost("vm")
	must(t, err)
	v := &vm{t, host, machine.New(machine.Spec{Dir: dir, Program: program, Hostname: "vm", Instance: "one", UserData: data, Packages: []string{buildPackage(t, program)}})}
	t.Cleanup(func() {
		v.Kill()
		if said, err := os.ReadFile(v.Console()); t.Failed() && err == nil {
			t.Logf("console:\n%s", said)
		}
		must(t, errors.Join(v.Remove(), host.Close()))
	})
	must(t, host.Do(func() error {
		for i, iface := range nicOrder {
			if err := plug(iface, i); err != nil {
				return err
			}
		}
		return nil
	}))
	return v
}

// buildPackage makes a .deb of this test, which is releve-vsocket by that name.
func buildPackage(t *testing.T, program string) string {
	t.Helper()
	raw, err := os.ReadFile(program)
	must(t, err)
	made, err := packaging.VSocket(raw, "14.0", "all")
	must(t, err)
	var out bytes.Buffer
	must(t, made.Write(&out))
	path := filepath.Join(t.TempDir(), made.Name())
	must(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

func plug(iface string, order int) error {
	name := "eth" + string(rune('0'+order))
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-far"}); err != nil {
		return err
	}
	for _, end := range []string{name + "-far", name} {
		link, err := netlink.LinkByName(end)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	if iface == azuresite.LAN { // its address comes late
		return nil
	}
	return lease(iface, order)
}

// lease is what DHCP brings.
func lease(iface string, order int) error {
	link, err := netlink.LinkByName("eth" + string(rune('0'+order)))
	if err != nil {
		return err
	}
	subnet := azuresite.Prefixes[iface]
	own := &net.IPNet{IP: azuresite.Addr(site.Primary, iface).AsSlice(), Mask: net.CIDRMask(subnet.Bits(), 32)}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: own}); err != nil {
		return err
	}
	anywhere := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: anywhere, Gw: site.Gateway(subnet).AsSlice(), Priority: 100 * (order + 1)})
}

// sh runs a line inside.
func (v *vm) sh(line string) (said string, ok bool) {
	var out bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}
	cmd.Stdout, cmd.Stderr = &out, &out
	must(v.t, v.Start(cmd))
	err := cmd.Wait()
	return strings.TrimSpace(out.String()), err == nil
}

func (v *vm) want(line, want string) {
	v.t.Helper()
	if said, _ := v.sh(line); said != want {
		v.t.Errorf("%s: %q, want %q", line, said, want)
	}
}

// until waits for what a line must come to say.
func (v *vm) until(line, has string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), enough)
	defer cancel()
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		said, _ := v.sh(line)
		if strings.Contains(said, has) {
			return
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			v.t.Fatalf("%s never says %q; it says %q", line, has, said)
		}
	}
}

// extension runs what the custom-script extension would.
func (v *vm) extension(name string, protected map[string]any) machine.Result {
	v.t.Helper()
	text, err := base64.StdEncoding.DecodeString(protected["script"].(string))
	must(v.t, err)
	ctx, cancel := context.WithTimeout(v.t.Context(), enough)
	defer cancel()
	result, err := v.Script(ctx, "/var/lib/waagent/"+name, text)
	must(v.t, err)
	return result
}

// by is the interface that the kernel takes inside.
func (v *vm) by(from, iif, to string) (name string) {
	must(v.t, v.host.Do(func() error {
		found, err := netlink.RouteGetWithOptions(net.ParseIP(to), &netlink.RouteGetOptions{SrcAddr: net.ParseIP(from), Iif: iif})
		if err != nil {
			return err
		}
		link, err := netlink.LinkByIndex(found[0].LinkIndex)
		if err == nil {
			name = link.Attrs().Name
		}
		return err
	}))
	return name
}

const sections = `azure:
  subscription: 11111111-1111-1111-1111-111111111111
  nic: {resource_group: rg, name: primary-lan}
  peer_nic: {resource_group: rg, name: secondary-lan}
  subnet: {resource_group: rg-net, vnet: vnet, name: lan}
ha:
  peer: {lan: 10.102.2.11, mgmt: 10.102.3.11}
  floating_ip: 10.102.2.200
  key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=
`

const authorities = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"

// D1 and D6 on a VM: the package, cloud-init's user data and the extension's scripts
// as they are, from the first boot to a pair and back.
func TestAVMFromItsFirstBootToAPairD6(t *testing.T) {
	prefix := func(iface string) netip.Prefix {
		return netip.PrefixFrom(azuresite.Addr(site.Primary, iface), azuresite.Prefixes[iface].Bits())
	}
	data, err := guest.CloudInit(guest.VM{Site: "Paris", Side: site.Primary, WAN: prefix(azuresite.WAN), LAN: prefix(azuresite.LAN), MGMT: prefix(azuresite.MGMT),
		Probes: []netip.Addr{netip.MustParseAddr("1.1.1.1")}, Manager: "192.0.2.1:8443", EnrolKey: paris.String()})
	must(t, err)
	v := newVM(t, data)
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	must(t, v.Boot(ctx, v.host))

	v.want("cloud-init status --wait", "status: done")
	v.until("releve-vsocket status", "the agent waits for its interfaces: no interface has the address 10.102.2.10")
	must(t, v.host.Do(func() error { return lease(azuresite.LAN, 2) }))
	v.until("releve-vsocket status", "Master by itself")
	v.want("stat -c %a /etc/releve/vsocket.yaml /etc/releve/enrol", "600\n600")
	v.until("systemctl is-active releve-vsocket releve-channel", "active\nactive")
	for _, way := range []struct{ what, from, iif, to, want string }{
		{"ARM", "10.102.3.10", "", "20.0.0.1", "eth0"},
		{"the site's traffic", "10.102.4.10", "eth2", "198.51.100.1", "eth1"},
		{"what comes back", "198.51.100.1", "eth1", "10.102.4.10", "eth2"},
	} {
		if by := v.by(way.from, way.iif, way.to); by != way.want {
			t.Errorf("%s leaves by %s, want %s (C3)", way.what, by, way.want)
		}
	}

	before, _ := v.sh("cat /etc/releve/vsocket.yaml")
	_, protected := guest.Script(sections, authorities, "digest", "key")
	for _, run := range []string{"one", "two"} {
		if r := v.extension(run, protected); r.Exit != 0 || !strings.Contains(r.Stdout, "the agent runs with /etc/releve/vsocket.yaml") {
			t.Errorf("the extension, run %s: %+v", run, r)
		}
	}
	v.want("cat "+guest.CAFile, strings.TrimSpace(authorities))
	if status, _ := v.sh("releve-vsocket status --json"); !strings.Contains(status, `"configured":true`) && !strings.Contains(status, `"configured": true`) {
		t.Errorf("is no pair's: %s", status)
	}
	_, protected = guest.Script(strings.Replace(sections, "10.102.2.200", "10.102.9.200", 1), "", "digest", "key")
	if r := v.extension("bad", protected); r.Exit == 0 || !strings.Contains(r.Stderr, "10.102.9.200 is outside the subnet") {
		t.Errorf("takes a floating IP of another subnet: %+v", r)
	}
	_, protected = guest.Unset("ha", "azure")
	if r := v.extension("undo", protected); r.Exit != 0 {
		t.Errorf("undo: %+v", r)
	}
	v.until("releve-vsocket status", "Master by itself")
	v.want("cat /etc/releve/vsocket.yaml", before)
	v.want("ls "+guest.CAFile+" 2>/dev/null || echo gone", "gone")
}
