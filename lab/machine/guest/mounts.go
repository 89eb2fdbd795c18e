package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// furnish makes the machine's root out of its folder and enters it: over each
// layered folder of the machine outside an overlay whose upper layer is the
// machine's own, so that nothing outside is written.
func furnish(s *Spec) error {
	root := filepath.Join(s.Dir, Root)
	for _, step := range []func() error{
		func() error { return mount("keep mounts to itself", "", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return mount("bind its root", root, root, "", unix.MS_BIND, "") },
		func() error { return layers(s, root) },
		func() error { return runFolder(s, root) },
		func() error {
			return mount("mount /tmp", "tmp", filepath.Join(root, "tmp"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
		},
		func() error { return devices(filepath.Join(root, "dev")) },
		func() error { return kernelFolders(root) },
		func() error { return enter(root) },
		func() error { return unix.Sethostname([]byte(s.Hostname)) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func mount(what, source, target, kind string, flags uintptr, data string) error {
	err := unix.Mount(source, target, kind, flags, data)
	if errors.Is(err, unix.EINVAL) && target == "/" {
		return nil // a chroot: the room has made all private that can be
	}
	if err != nil {
		return fmt.Errorf("%s: mount %s: %w", what, target, err)
	}
	return nil
}

// layers: one overlay for each folder, and not one for all, as a user namespace
// may not lay anything over a folder that others are mounted in.
func layers(s *Spec, root string) error {
	for _, name := range s.Layered {
		data := fmt.Sprintf("lowerdir=/%s,upperdir=%s,workdir=%s,userxattr", name,
			filepath.Join(s.Dir, Upper, name), filepath.Join(s.Dir, Work, name))
		if err := unix.Mount("releve", filepath.Join(root, name), "overlay", 0, data); err != nil {
			return fmt.Errorf("lay the machine's /%s over the one outside: %w\nhint: it needs overlayfs, Linux 5.11 or later, and nothing mounted in /%s", name, err, name)
		}
	}
	return nil
}

// runFolder is on the room's disk, so that the lab finds the sockets in it; and it
// has this program.
func runFolder(s *Spec, root string) error {
	ours := filepath.Join(s.Dir, Run, Ours)
	for _, folder := range []string{ours, filepath.Join(s.Dir, Run, "systemd/system"), filepath.Join(s.Dir, Run, "lock")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	init := filepath.Join(ours, "init")
	if err := os.WriteFile(init, nil, 0o755); err != nil {
		return err
	}
	if err := mount("have this program in the machine", s.Program, init, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return mount("bind /run", filepath.Join(s.Dir, Run), filepath.Join(root, "run"), "", unix.MS_BIND|unix.MS_REC, "")
}

// devices makes a /dev with the few nodes that programs need, each the room's own:
// a user namespace may make none.
func devices(dev string) error {
	if err := mount("make /dev", "dev", dev, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "net/tun"} {
		path := filepath.Join(dev, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, path, "", unix.MS_BIND, ""); err != nil && name != "tty" {
			return fmt.Errorf("bind /dev/%s: %w", name, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
		"stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"pts", "shm"} {
		if err := os.Mkdir(filepath.Join(dev, name), 0o755); err != nil {
			return err
		}
	}
	// Terminals are for people alone, who go without where the kernel refuses.
	_ = unix.Mount("devpts", filepath.Join(dev, "pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
	return mount("mount /dev/shm", "shm", filepath.Join(dev, "shm"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
}

// kernelFolders gives the machine its own /proc and /sys. Of the kernel's settings
// it may write the network's, which are its own, and no others, which are the
// machine's outside.
func kernelFolders(root string) error {
	proc := filepath.Join(root, "proc")
	const fenced = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", proc, "proc", fenced, ""); err != nil {
		// A container that hides parts of /proc forbids a new one (room.furnish).
		if err := mount("have /proc", "/proc", proc, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	sys, net := filepath.Join(proc, "sys"), filepath.Join(proc, "sys/net")
	for _, m := range []struct {
		path  string
		flags uintptr
	}{{sys, unix.MS_BIND}, {net, unix.MS_BIND}, {sys, unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | fenced}} {
		if err := mount("keep the kernel's settings", m.path, m.path, "", m.flags, ""); err != nil {
			return err
		}
	}
	_ = unix.Mount("sysfs", filepath.Join(root, "sys"), "sysfs", fenced|unix.MS_RDONLY, "") // nothing of ours needs it
	return nil
}

// enter makes root the machine's root, and lets go of all that is outside.
func enter(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	switch err := unix.PivotRoot(".", "."); {
	case errors.Is(err, unix.EINVAL): // the old root is a chroot's
		if err := unix.Chroot("."); err != nil {
			return fmt.Errorf("enter the machine's root: %w", err)
		}
	case err != nil:
		return fmt.Errorf("enter the machine's root: %w", err)
	default:
		if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
			return fmt.Errorf("leave the root outside: %w", err)
		}
	}
	return os.Chdir("/")
}

// settings plays systemd-sysctl for the network's settings (sysctl.d(5)): files of
// one name in /etc stand for those below, all in the order of their names.
func settings() error {
	texts, err := sysctlFiles()
	for _, text := range texts {
		for line := range strings.Lines(text) {
			apply(strings.TrimSpace(line))
		}
	}
	return err
}

// apply sets one line's. What the kernel doesn't have is passed by, as there.
func apply(line string) {
	if line == "" || line[0] == '#' || line[0] == ';' {
		return
	}
	name, value, found := strings.Cut(strings.TrimPrefix(line, "-"), "=")
	name = strings.TrimSpace(name)
	if !strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, ".", "/")
	}
	if !found || !strings.HasPrefix(name, "net/") {
		return
	}
	paths, _ := filepath.Glob("/proc/sys/" + filepath.Clean(name))
	for _, path := range paths {
		if err := os.WriteFile(path, []byte(strings.TrimSpace(value)), 0); err != nil {
			fmt.Fprintln(os.Stderr, "sysctl:", err)
		}
	}
}

func sysctlFiles() ([]string, error) {
	found := map[string]string{}
	for _, folder := range []string{"/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"} {
		list, err := filepath.Glob(folder + "/*.conf")
		if err != nil {
			return nil, err
		}
		for _, path := range list {
			found[filepath.Base(path)] = path
		}
	}
	var texts []string
	for _, name := range sortedKeys(found) {
		text, err := os.ReadFile(found[name])
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}
