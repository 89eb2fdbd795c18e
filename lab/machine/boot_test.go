package machine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/lab/room/roomtest"
)

const userData = `#cloud-config
write_files:
  - path: /usr/lib/systemd/system/ticker.service
    content: |
      [Unit]
      Description=Counts its starts
      ConditionPathExists=/etc/ticker
      Wants=other.service
      After=other.service
      [Service]
      Type=exec
      Environment="WHAT=a tick"
      EnvironmentFile=-/etc/default/ticker
      RuntimeDirectory=ticker
      RuntimeDirectoryMode=0700
      StateDirectory=ticker
      ExecStartPre=/bin/sh -c 'echo pre >>/var/lib/ticker/order'
      ExecStart=/bin/sh -c 'trap "echo end >>/var/lib/ticker/order; exit 0" TERM; echo "$WHAT $MORE" >>/var/lib/ticker/starts; sleep 600 & echo $! >/run/ticker/child; while :; do sleep 0.1; done'
      ExecReload=/bin/sh -c 'echo $MAINPID >/var/lib/ticker/reloaded'
      Restart=always
      RestartSec=100ms
      ProtectSystem=strict
      [Install]
      WantedBy=multi-user.target
  - path: /usr/lib/systemd/system/other.service
    content: |
      [Service]
      Type=oneshot
      ExecStart=/bin/sh -c 'mkdir -p /var/lib/ticker; echo other >>/var/lib/ticker/order'
  - path: /etc/default/ticker
    content: |
      MORE="and tock"
  - path: /etc/secret
    permissions: '0600'
    encoding: b64
    content: aGVsbG8=
runcmd:
  - echo from the shell; systemctl is-active ticker || true
  - [sh, -c, 'systemctl enable --now ticker.service && systemctl is-active ticker; touch /etc/ticker; systemctl start ticker; systemctl is-active -q ticker && echo "$0" works', this]
`

// ticks waits until the service has done all that it does when it starts.
const ticks = "until [ -s /run/ticker/child ]; do sleep 0.05; done"

func TestUserDataAndServices(t *testing.T) {
	m := boot(t, userData)
	if got := sh(t, m, "cloud-init status --wait"); got != "status: done" {
		t.Fatal(got)
	}
	sh(t, m, ticks)
	for line, want := range map[string]string{
		"cat /etc/secret; stat -c %a /etc/secret":                   "hello600",
		"cat /var/log/cloud-init-output.log":                        "from the shell\ninactive\ninactive\nthis works",
		"cat /var/lib/ticker/starts":                                "a tick and tock",
		"tail -n 2 /var/lib/ticker/order":                           "other\npre",
		"stat -c %a /run/ticker":                                    "700",
		"systemctl is-enabled ticker":                               "enabled",
		"systemctl is-active ticker other":                          "active\ninactive",
		"ls -l /etc/systemd/system/multi-user.target.wants | wc -l": "2",
	} {
		if got := sh(t, m, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	// Killed, it comes back; reloaded, it runs on; stopped, it and its children are gone.
	sh(t, m, `pid=$(cat /run/ticker/child); kill -9 $(awk '{print $4}' /proc/$pid/stat)
		until [ "$(wc -l </var/lib/ticker/starts)" = 2 ] && systemctl is-active -q ticker; do sleep 0.05; done
		[ ! -e /proc/$pid/status ] || grep -q zombie /proc/$pid/status`)
	sh(t, m, "systemctl reload ticker && grep -q '^[0-9]' /var/lib/ticker/reloaded && systemctl is-active -q ticker")
	sh(t, m, ""+ticks+"; pid=$(cat /run/ticker/child); systemctl stop ticker; [ ! -e /run/ticker ] && ! grep -q State:.S /proc/$pid/status && tail -n 1 /var/lib/ticker/order | grep -q end && ! systemctl is-active ticker")
	if got := sh(t, m, "systemctl frobnicate ticker 2>&1 || echo refused; systemctl start nobody 2>&1 || echo refused"); strings.Count(got, "refused") != 2 {
		t.Errorf("what isn't played: %q", got)
	}
}

// A reboot keeps the disk, forgets /run, starts what is enabled, and doesn't play the
// user data again; a new instance does.
func TestReboot(t *testing.T) {
	m := boot(t, userData)
	sh(t, m, "cloud-init status --wait; "+ticks+"; touch /run/gone /tmp/gone /srv/kept")
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	if err := m.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(exec.Command("true")); err == nil || m.Running() {
		t.Error("it is on after its shutdown")
	}
	start(t, m)
	sh(t, m, ticks)
	for line, want := range map[string]string{
		"ls /run/gone /tmp/gone 2>/dev/null; ls /srv":    "kept",
		"cloud-init status --wait":                       "status: done",
		"grep -c works /var/log/cloud-init-output.log":   "1",
		"tail -n 3 /var/lib/ticker/order | tr '\\n' ' '": "end other pre",
		"systemctl is-active ticker":                     "active",
	} {
		if got := sh(t, m, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if text, err := os.ReadFile(m.Path("/var/lib/ticker/starts")); err != nil || strings.Count(string(text), "tock") != 2 {
		t.Errorf("from outside: %q, %v", text, err)
	}
	m.Kill()
	m.spec.Instance = "two"
	start(t, m)
	if got := sh(t, m, "cloud-init status --wait; grep -c works /var/log/cloud-init-output.log"); !strings.HasSuffix(got, "2") {
		t.Errorf("another instance: %q", got)
	}
}

func TestScripts(t *testing.T) {
	m := boot(t, "")
	r, err := m.Script(t.Context(), "/var/lib/waagent/one", []byte("pwd; hostname >&2; ps -p $$ >/dev/null && yes x | head -c 9000; exit 7\n"))
	if err != nil || r.Exit != 7 || r.Stderr != "vm-test\n" || len(r.Stdout) != tail || !strings.HasSuffix(r.Stdout, "x\n") {
		t.Errorf("exit %d, %d bytes of output, complaint %q, %v", r.Exit, len(r.Stdout), r.Stderr, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := m.Script(ctx, "/var/lib/waagent/two", []byte("sleep 600\n")); err == nil {
		t.Error("a script beyond its bound is fine")
	}
}

// What fails at the first boot is told where Azure's boot diagnostics would show it.
func TestFailingUserData(t *testing.T) {
	for data, want := range map[string]string{
		"#cloud-config\nruncmd:\n  - echo so; exit 3\n":     "a command has failed: /bin/sh -c echo so; exit 3: exit status 3",
		"#cloud-config\nbootcmd:\n  - echo\n":               "unknown field",
		"#!/bin/sh\n":                                       "the lab plays #cloud-config alone",
		"#cloud-config\nwrite_files:\n  - path: relative\n": "no whole path",
	} {
		m := boot(t, data)
		if got := sh(t, m, "cloud-init status --wait || true"); got != "status: error" {
			t.Errorf("%q: %s", data, got)
		}
		if text, err := os.ReadFile(m.Console()); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q: the console says %q, want %q", data, text, want)
		}
	}
}

// The image's packages are installed by dpkg itself.
func TestPackages(t *testing.T) {
	roomtest.Need(t)
	deb := pack(t, map[string]string{
		"DEBIAN/control":                          "Package: releve-lab-test\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: a test\n",
		"DEBIAN/postinst":                         "#!/bin/sh\nset -e\nsystemctl daemon-reload\nsystemctl enable told.service\n",
		"usr/bin/releve-lab-test":                 "#!/bin/sh\necho installed\n",
		"usr/lib/systemd/system/told.service":     "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c '/usr/bin/releve-lab-test >/var/lib/told'\n[Install]\nWantedBy=multi-user.target\n",
		"usr/share/doc/releve-lab-test/changelog": "none\n",
		"etc/releve-lab-test.conf":                "x\n",
	})
	m := bootWith(t, "", deb)
	if got := sh(t, m, "cat /var/lib/told; dpkg -s releve-lab-test | grep Status"); got != "installed\nStatus: install ok installed" {
		t.Error(got)
	}
	if _, err := os.Stat("/usr/bin/releve-lab-test"); err == nil {
		t.Error("it is installed outside")
	}
}

// pack makes a package of files.
func pack(t *testing.T, files map[string]string) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg here")
	}
	tree := t.TempDir()
	for path, text := range files {
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(t.TempDir(), "test.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", tree, deb).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return deb
}
