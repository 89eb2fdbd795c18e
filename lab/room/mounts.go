package room

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Dir is a tmpfs of the room's own: configurations, sockets and state of all
// programs in it.
const Dir = "/run"

// furnish makes the mounts private and gives the room its own /run, /proc and,
// where the machine's /dev has none, /dev/net/tun.
func furnish() error {
	if err := private(); err != nil {
		return mountError("keep the room's mounts to itself", err)
	}
	if err := unix.Mount("releve", Dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return mountError("mount a tmpfs on "+Dir, err)
	}
	// A container that hides parts of /proc forbids a new one. The old one
	// serves: what the lab reads there follows the reader's own namespaces.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	return tunDevice()
}

func mountError(what string, err error) error {
	hint := "a container must be started with --privileged"
	if os.Getenv("USER") != "root" {
		hint = "run it as root, or on Ubuntu allow it: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	}
	return fmt.Errorf("%w: %s: %w\nhint: %s", ErrNoRoom, what, err, hint)
}

// private stops mounts made here from showing on the machine. In a chroot "/"
// isn't a mount point and the kernel answers EINVAL; joining one's own mount
// namespace leads a thread back to its true root, where the change can be made
// for all.
func private() error {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its changed root
		result <- privateFromTrueRoot()
	}()
	return <-result
}

func privateFromTrueRoot() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	own, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(own)
	if err := unix.Setns(own, unix.CLONE_NEWNS); err != nil {
		return err
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

const tunPath = "/dev/net/tun"

// tunDevice sees to it that the fabric can open /dev/net/tun.
func tunDevice() error {
	err := openable(tunPath)
	if errors.Is(err, unix.ENOENT) && canMakeNodes() {
		if err = ownTun(); err != nil {
			return fmt.Errorf("%w: make a %s of the room's own: %w\nhint: as root on the machine: %s", ErrNoRoom, tunPath, err, makeTun)
		}
		err = openable(tunPath)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: %s is missing\nhint: as root: %s", ErrNoRoom, tunPath, makeTun)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: %s can't be opened: %w\nhint: run it as root, or as root: chmod 0666 %s", ErrNoRoom, tunPath, err, tunPath)
	}
	return fmt.Errorf("%w: %s can't be opened: %w\nhint: the kernel lacks TUN/TAP; as root: modprobe tun", ErrNoRoom, tunPath, err)
}

const makeTun = "mkdir -p /dev/net && mknod /dev/net/tun c 10 200 && chmod 0666 /dev/net/tun"

func openable(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// canMakeNodes reports whether this is the machine's own root: in a user
// namespace mknod of a device is refused whatever the capabilities.
func canMakeNodes() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	var inner, outer, size uint64
	if err == nil {
		_, err = fmt.Sscan(string(text), &inner, &outer, &size)
	}
	return err == nil && outer == 0 && size > 1
}

// ownTun puts a tmpfs with the device over /dev/net, or over /dev itself where
// that folder is missing: nothing is written to the machine's own /dev.
func ownTun() error {
	net := filepath.Dir(tunPath)
	if info, err := os.Stat(net); err == nil && info.IsDir() {
		if err := unix.Mount("releve", net, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
			return err
		}
		return node(tunPath, 10, 200)
	}
	return ownDev()
}

// ownDev replaces the room's /dev by one with the few nodes that programs need.
func ownDev() error {
	const staging = Dir + "/releve-dev"
	if err := os.Mkdir(staging, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("releve", staging, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return err
	}
	for _, n := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}, {"net/tun", 10, 200}} {
		if err := node(filepath.Join(staging, n.name), n.major, n.minor); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(target, filepath.Join(staging, name)); err != nil {
			return err
		}
	}
	if info, err := os.Stat("/dev/pts"); err == nil && info.IsDir() {
		pts := filepath.Join(staging, "pts")
		if err := os.Mkdir(pts, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("/dev/pts", pts, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	return unix.Mount(staging, "/dev", "", unix.MS_BIND|unix.MS_REC, "")
}

func node(path string, major, minor uint32) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(major, minor))); err != nil {
		return &os.PathError{Op: "mknod", Path: path, Err: err}
	}
	return os.Chmod(path, 0o666) // whatever the umask
}
