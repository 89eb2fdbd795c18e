package packaging

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/house/private"
	"releve.dev/releve/packaging/deb"
)

// build makes both packages of programs that do nothing.
func build(t *testing.T) (dir string, names []string) {
	t.Helper()
	dir = t.TempDir()
	for _, p := range products {
		must(t, os.WriteFile(filepath.Join(dir, p.program), []byte("#!/bin/sh\n"), 0o755))
	}
	names, err := Make("..", dir, "14.0", "amd64")
	must(t, err)
	return dir, names
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tool runs one of Debian's; where there is none the test is over.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skip("this machine has no " + args[0])
	}
	cmd := exec.Command(args[0], args[1:]...)
	if args[0] == "dpkg" && os.Geteuid() != 0 {
		cmd.SysProcAttr = private.Attributes() // files are root's
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, complaint.String())
	}
	return string(out)
}

// The same programs make the same bytes, whenever and wherever.
func TestPackagesAreReproducible(t *testing.T) {
	_, first := build(t)
	_, second := build(t)
	for i := range first {
		a, err := os.ReadFile(first[i])
		must(t, err)
		b, err := os.ReadFile(second[i])
		must(t, err)
		if !bytes.Equal(a, b) {
			t.Errorf("%s is another one each time", filepath.Base(first[i]))
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1800000000")
	at, err := moment()
	must(t, err)
	if want := time.Unix(1_800_000_000, 0); !at.Equal(want) {
		t.Errorf("SOURCE_DATE_EPOCH counts for nothing: %s", at)
	}
}

// Debian's own tools read them.
func TestDebianReadsThem(t *testing.T) {
	_, names := build(t)
	head := tool(t, "dpkg-deb", "--field", names[0])
	for _, want := range []string{"Package: releve-vsocket\n", "Version: 14.0\n", "Architecture: amd64\n", "Section: net\n", "Installed-Size: "} {
		if !strings.Contains(head, want) {
			t.Errorf("the head lacks %q:\n%s", want, head)
		}
	}
	list := tool(t, "dpkg-deb", "--contents", names[0])
	for _, want := range []string{"./usr/bin/releve-vsocket", "./usr/lib/systemd/system/releve-vsocket.service", "./usr/lib/systemd/system/releve-channel.service",
		"./usr/share/doc/releve-vsocket/vsocket.sample.yaml", "./etc/sysctl.d/60-releve.conf", "./usr/lib/systemd/networkd.conf.d/60-releve-networkd.conf", "./etc/releve/\n"} {
		if !strings.Contains(list, want) {
			t.Errorf("lacks %s:\n%s", want, list)
		}
	}
	for line := range strings.Lines(list) {
		if !strings.Contains(line, " root/root ") {
			t.Errorf("somebody else's: %s", line)
		}
	}
	if conffiles := tool(t, "dpkg-deb", "--info", names[0], "conffiles"); conffiles != "/etc/sysctl.d/60-releve.conf\n" {
		t.Errorf("conffiles are %q", conffiles)
	}
}

// systemctlLog plays systemctl, and writes down what it was asked.
const systemctlLog = "#!/bin/sh\necho \"$*\" >>\"$LOG\"\n"

// dpkg installs into a folder, as an image's builder does: the units are enabled
// there, and nothing is started. Removed and purged, it leaves nothing.
func TestInstallIntoAFolder(t *testing.T) {
	dir, names := build(t)
	root, log := filepath.Join(dir, "root"), filepath.Join(dir, "log")
	must(t, os.MkdirAll(filepath.Join(root, "var/lib/dpkg"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644))
	must(t, os.Mkdir(filepath.Join(dir, "path"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "path/systemctl"), []byte(systemctlLog), 0o755))
	t.Setenv("PATH", filepath.Join(dir, "path")+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	t.Setenv("LOG", log)
	dpkg := func(args ...string) {
		tool(t, append([]string{"dpkg", "--root=" + root, "--force-script-chrootless", "--force-not-root", "--log=" + filepath.Join(dir, "dpkg.log")}, args...)...)
	}
	dpkg(append([]string{"--force-architecture", "--install"}, names...)...)
	asked, err := os.ReadFile(log)
	must(t, err)
	want := "--root=" + root + " enable releve-vsocket.service releve-channel.service releve-web.service\n" +
		"--root=" + root + " enable releve-pop.service releve-pop-channel.service\n"
	if string(asked) != want {
		t.Errorf("asked of systemctl:\n%swant:\n%s", asked, want)
	}
	if status := tool(t, "dpkg", "--root="+root, "--status", "releve-vsocket"); !strings.Contains(status, "Status: install ok installed") {
		t.Errorf("is not installed:\n%s", status)
	}
	for _, name := range []string{"vsocket.yaml", "vsocket.yaml.former", "lock", "enrol"} { // as the program leaves them
		must(t, os.WriteFile(filepath.Join(root, "etc/releve", name), []byte("secret\n"), 0o600))
	}
	must(t, os.MkdirAll(filepath.Join(root, "var/lib/releve/manager"), 0o700))
	dpkg("--purge", "releve-vsocket", "releve-pop")
	var left []string
	must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if rel := strings.TrimPrefix(path, root); strings.Contains(rel, "releve") {
			left = append(left, rel)
		}
		return err
	}))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What systemd itself thinks of the units: nothing is misspelt, and they are
// restricted.
func TestUnits(t *testing.T) {
	dir, names := build(t)
	tree := filepath.Join(dir, "tree")
	for _, name := range names {
		tool(t, "dpkg-deb", "--extract", name, tree)
	}
	for unit, most := range map[string]string{"releve-vsocket.service": "30", "releve-channel.service": "20", "releve-web.service": "25", "releve-pop.service": "30", "releve-pop-channel.service": "20"} {
		path := filepath.Join(tree, "usr/lib/systemd/system", unit)
		text, err := os.ReadFile(path)
		must(t, err)
		local := filepath.Join(dir, unit) // whose programs are in the tree
		must(t, os.WriteFile(local, bytes.ReplaceAll(text, []byte("=/usr/bin/"), []byte("="+tree+"/usr/bin/")), 0o644))
		tool(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", local)
		tool(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+most, local)
	}
}

// The archive's members are what deb(5) says, whoever reads them.
func TestTheArchive(t *testing.T) {
	_, names := build(t)
	raw, err := os.ReadFile(names[0])
	must(t, err)
	if !bytes.HasPrefix(raw, []byte("!<arch>\ndebian-binary   ")) || len(raw)%2 != 0 {
		t.Errorf("begins with %q, %d bytes", raw[:24], len(raw))
	}
	made, err := products[0].build([]byte("p"), []byte("l"), "1", "amd64", time.Unix(1, 0))
	must(t, err)
	for name, script := range made.Scripts {
		if strings.Contains(script, "@") || !strings.HasPrefix(script, "#!/bin/sh\nset -e\n") {
			t.Errorf("%s: %s", name, script)
		}
		tool(t, "sh", "-n", "-c", script)
	}
	if !slices.ContainsFunc(made.Files, func(f deb.File) bool { return f.Path == "/usr/bin/releve-vsocket" && f.Mode == 0o755 }) {
		t.Error("the program isn't one")
	}
}
