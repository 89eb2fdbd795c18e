package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/machine/guest"
)

// prepare makes what a boot finds: the disk, if there is none yet, and an empty /run
// with the image's packages.
func (m *Machine) prepare() error {
	run := filepath.Join(m.spec.Dir, guest.Run)
	if err := os.RemoveAll(run); err != nil {
		return err
	}
	for _, folder := range []string{filepath.Join(run, guest.Ours), filepath.Join(m.spec.Dir, guest.Work)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	made := filepath.Join(m.spec.Dir, "made")
	if _, err := os.Stat(made); errors.Is(err, os.ErrNotExist) {
		d := disk{upper: filepath.Join(m.spec.Dir, guest.Upper), root: filepath.Join(m.spec.Dir, guest.Root), work: filepath.Join(m.spec.Dir, guest.Work)}
		if err := d.make(m.spec); err != nil {
			return err
		}
		if err := os.WriteFile(made, nil, 0o644); err != nil {
			return err
		}
	}
	for _, path := range m.spec.Packages {
		if err := copyFile(filepath.Join(run, guest.Ours, filepath.Base(path)), path, 0o644); err != nil {
			return err
		}
	}
	return m.lease()
}

// packages are the image's, by where they lie in the machine.
func (m *Machine) packages() (list []string) {
	for _, path := range m.spec.Packages {
		list = append(list, filepath.Join(guest.RunPath, guest.Ours, filepath.Base(path)))
	}
	return list
}

// lease writes what DHCP tells of DNS.
func (m *Machine) lease() error {
	var text strings.Builder
	for _, server := range m.spec.Servers {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	return os.WriteFile(m.Path("/etc/resolv.conf"), []byte(text.String()), 0o644)
}

// layered are the folders of the machine outside that each machine has its own of,
// laid over them. /root, /home and /srv are empty in a machine, and nothing else of
// the one outside is in it at all.
func layered() (list []string) {
	for _, name := range []string{"bin", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr", "var"} {
		if info, err := os.Lstat("/" + name); err == nil && info.IsDir() {
			list = append(list, name)
		}
	}
	return list
}

// disk is under construction.
type disk struct{ upper, work, root string }

func (d disk) make(spec Spec) error {
	for _, step := range []func() error{d.top, d.skeleton, d.empty, d.dpkg, func() error { return d.files(spec) }} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// top makes the root's own folders and links.
func (d disk) top() error {
	for _, name := range []string{"dev", "proc", "sys", "run", "tmp", "mnt", "media", "root", "home", "srv", "boot"} {
		if err := os.MkdirAll(filepath.Join(d.root, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range layered() {
		for _, base := range []string{d.root, d.upper, d.work} {
			if err := os.MkdirAll(filepath.Join(base, name), 0o755); err != nil {
				return err
			}
		}
	}
	links, err := os.ReadDir("/")
	for _, entry := range links {
		if entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := os.Readlink("/" + entry.Name())
		if err == nil && !filepath.IsAbs(target) {
			err = os.Symlink(target, filepath.Join(d.root, entry.Name()))
		}
		if err != nil {
			return err
		}
	}
	return err
}

// deep is how far down skeleton goes.
const deep = 3

// skeleton makes the upper folders ours: in a user namespace those of the machine
// outside belong to nobody, and nothing could be written into them.
func (d disk) skeleton() error {
	for _, top := range layered() {
		err := filepath.WalkDir("/"+top, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return skip(entry)
			}
			if strings.Count(path, "/") > deep {
				return fs.SkipDir
			}
			return d.folder(path)
		})
		if err != nil {
			return err
		}
	}
	for _, path := range []string{"/usr/lib/systemd/system", "/var/lib/dpkg/info", "/var/lib/dpkg/triggers",
		"/var/lib/dpkg/updates", "/var/lib/dpkg/alternatives", "/etc/ssl/certs", "/usr/share/doc", "/usr/local/bin", "/usr/bin", "/usr/lib/sysctl.d"} {
		if err := d.folder(path); err != nil {
			return err
		}
	}
	return nil
}

// skip passes by what can't be looked into.
func skip(entry fs.DirEntry) error {
	if entry != nil && entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// folder makes one in the upper layer.
func (d disk) folder(path string) error { return os.MkdirAll(filepath.Join(d.upper, path), 0o755) }

// emptied are folders of which a new machine has nothing of the one outside: what
// it is configured to, what it serves, what it has kept.
var emptied = []string{"/etc/systemd/system", "/etc/systemd/system/multi-user.target.wants", "/etc/sysctl.d", "/etc/releve", "/var/lib/releve", "/var/lib/cloud", "/var/lib/waagent", "/var/log", "/var/tmp", "/var/spool/cron"}

// empty hides each entry of such a folder behind a whiteout: unlike an opaque folder
// that needs no extended attributes, which a tmpfs had not before Linux 6.6.
func (d disk) empty() error {
	for _, folder := range emptied {
		if err := d.folder(folder); err != nil {
			return err
		}
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			return err
		}
		for _, entry := range entries {
			if slices.Contains(emptied, filepath.Join(folder, entry.Name())) {
				continue
			}
			path := filepath.Join(d.upper, folder, entry.Name())
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil {
				return fmt.Errorf("hide %s from a machine: %w", filepath.Join(folder, entry.Name()), err)
			}
		}
	}
	return nil
}

// dpkg has its own files in the upper layer from the start: it links and renames
// them, which a user namespace can't do with those of the machine outside.
func (d disk) dpkg() error {
	for _, folder := range []string{"/var/lib/dpkg", "/var/lib/dpkg/triggers"} {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() {
				continue
			}
			path := filepath.Join(folder, entry.Name())
			err := copyFile(filepath.Join(d.upper, path), path, 0o644)
			if errors.Is(err, os.ErrPermission) { // a lock, which is empty
				err = os.WriteFile(filepath.Join(d.upper, path), nil, 0o640)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// bundle is where Debian keeps the certificates that all programs trust.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

// files writes what an image has of its own.
func (d disk) files(spec Spec) error {
	roots, err := os.ReadFile(bundle)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for path, text := range map[string]string{
		"/etc/hostname": spec.Hostname + "\n",
		"/etc/hosts":    "127.0.0.1 localhost\n127.0.1.1 " + spec.Hostname + "\n",
		bundle:          string(roots) + string(spec.Roots),
	} {
		if err := os.WriteFile(filepath.Join(d.upper, path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"systemctl", "cloud-init"} {
		path := filepath.Join(d.upper, "usr/bin", name)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if err := os.Symlink(guest.Program, path); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string, mode fs.FileMode) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, mode)
}
