package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/room/roomtest"
	setup "releve.dev/releve/setup/guest"
	"releve.dev/releve/site"
)

// shop serves a package in a host, and counts who takes it.
func shop(t *testing.T, host *room.Host, deb string) (url string, taken *atomic.Int32) {
	t.Helper()
	listener, err := host.Listen("127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	taken = new(atomic.Int32)
	web := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken.Add(1)
		http.ServeFile(w, r, deb)
	})}
	t.Cleanup(func() { _ = web.Close() })
	go func() { _ = web.Serve(listener) }()
	return "http://" + listener.Addr().String() + "/releve-vsocket.deb", taken
}

// stock is what `releve azure deploy` gives a VM of a stock image.
func stock(t *testing.T, url string, sum [sha256.Size]byte) string {
	t.Helper()
	data, err := setup.CloudInit(setup.VM{Site: "lab", Side: site.Primary, Probes: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		WAN: netip.MustParsePrefix("10.0.1.4/24"), LAN: netip.MustParsePrefix("10.0.2.4/24"), MGMT: netip.MustParsePrefix("10.0.3.4/24"),
		Package: &setup.Package{URL: url, SHA256: hex.EncodeToString(sum[:])}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// D1: a stock image, which has nothing of ours, installs the package at its first
// boot, and only then; one that isn't what was named is not installed.
func TestAStockImageInstallsThePackage(t *testing.T) {
	roomtest.Need(t)
	if _, err := exec.LookPath("releve-vsocket"); err == nil {
		t.Skip("this machine has a vSocket of its own")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl here")
	}
	const unit = "[Unit]\nConditionPathExists=/etc/releve/vsocket.yaml\n[Service]\nType=exec\nExecStart=/usr/bin/releve-vsocket\n[Install]\nWantedBy=multi-user.target\n"
	deb := pack(t, map[string]string{
		"DEBIAN/control":                                "Package: releve-vsocket\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a test\n",
		"usr/bin/releve-vsocket":                        "#!/bin/sh\nexec sleep 600\n",
		"usr/lib/systemd/system/releve-vsocket.service": unit, "usr/lib/systemd/system/releve-web.service": unit,
	})
	text, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	host, err := room.NewHost("vm-test")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	url, taken := shop(t, host, deb)

	m := off(t, stock(t, url, sha256.Sum256(text)))
	startIn(t, m, host)
	const state = "cloud-init status --wait; dpkg -s releve-vsocket | grep Status; systemctl is-active releve-vsocket; ls /var/cache/*.deb 2>/dev/null"
	const want = "status: done\nStatus: install ok installed\nactive"
	if got := sh(t, m, state+" || true"); got != want {
		t.Errorf("at its first boot: %s", got)
	}
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	startIn(t, m, host)
	if got := sh(t, m, state+" || true"); got != want || taken.Load() != 1 {
		t.Errorf("at its second boot: %s; the package was taken %d times", got, taken.Load())
	}

	forged := off(t, stock(t, url, sha256.Sum256([]byte("another"))))
	startIn(t, forged, host)
	if got := sh(t, forged, "cloud-init status --wait; command -v releve-vsocket; tail -n 5 /var/log/cloud-init-output.log || true"); !strings.HasPrefix(got, "status: error") || strings.Contains(got, "/usr/bin/releve-vsocket") || !strings.Contains(got, "FAILED") {
		t.Errorf("with another package than was named: %s", got)
	}
}
