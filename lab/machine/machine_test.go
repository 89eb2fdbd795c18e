package machine

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/lab/machine/guest"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/room/roomtest"
)

func TestMain(m *testing.M) {
	guest.Main()
	roomtest.Main(m)
}

// boot boots a machine with user data.
func boot(t *testing.T, data string) *Machine { return bootWith(t, data) }

// bootWith boots one whose image has packages, too.
func bootWith(t *testing.T, data string, packages ...string) *Machine {
	t.Helper()
	m := off(t, data, packages...)
	start(t, m)
	return m
}

// off is one that hasn't been booted.
func off(t *testing.T, data string, packages ...string) *Machine {
	t.Helper()
	roomtest.Need(t)
	program, err := room.Program()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(room.Dir, "machine-")
	if err != nil {
		t.Fatal(err)
	}
	m := New(Spec{Dir: dir, Program: program, Hostname: "vm-test", Instance: "one", UserData: []byte(data), Packages: packages,
		Roots: []byte("certificate\n"), Servers: []string{"192.0.2.53"}})
	t.Cleanup(func() {
		m.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(m.Console())
			t.Logf("console:\n%s", text)
		}
		if err := m.Remove(); err != nil {
			t.Error(err)
		}
	})
	return m
}

const bootTime = time.Minute

func start(t *testing.T, m *Machine) {
	t.Helper()
	host, err := room.NewHost("vm-test")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	startIn(t, m, host)
}

func startIn(t *testing.T, m *Machine, host *room.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	if err := m.Boot(ctx, host); err != nil {
		t.Fatal(err)
	}
}

// sh runs a line in a machine.
func sh(t *testing.T, m *Machine, line string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := m.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v: %s", line, err, out.String())
	}
	return strings.TrimSpace(out.String())
}

func TestAMachineIsOfItsOwn(t *testing.T) {
	m := boot(t, "")
	for line, want := range map[string]string{
		"hostname":                            "vm-test",
		"cat /etc/hostname":                   "vm-test",
		"cat /etc/resolv.conf":                "nameserver 192.0.2.53",
		"ls /root /home /etc/systemd/system/": "/etc/systemd/system/:\nmulti-user.target.wants\n\n/home:\n\n/root:",
		"tail -n 1 " + bundle:                 "certificate",
		"ls /sys/class/net":                   "lo",
		"test -c /dev/net/tun; echo $?":       "0",
		"readlink /proc/1/root":               "/",
		"cloud-init status --wait":            "status: done",
		"ls -d /run/systemd/system":           "/run/systemd/system",
		"ls /etc/releve /var/lib/releve":      "/etc/releve:\n\n/var/lib/releve:",
	} {
		if got := sh(t, m, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	// What it writes is nowhere outside.
	name := filepath.Base(m.spec.Dir)
	sh(t, m, "touch /etc/"+name+" /usr/bin/"+name+" /var/lib/"+name+" /srv/"+name+" /tmp/"+name+" /opt/"+name)
	for _, folder := range []string{"/etc/", "/usr/bin/", "/var/lib/", "/srv/", "/tmp/", "/opt/"} {
		if _, err := os.Stat(folder + name); err == nil {
			t.Errorf("%s%s is outside", folder, name)
		}
	}
	if got := sh(t, m, "echo 1 2>&1 >/proc/sys/kernel/printk || echo refused; echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward"); !strings.HasSuffix(got, "refused\n1") {
		t.Errorf("kernel's settings: %q", got)
	}
}
