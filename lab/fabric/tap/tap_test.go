package tap

import (
	"errors"
	"strings"
	"testing"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Where there's a remedy, the error names it on a line of its own.
func TestNodeErrorHints(t *testing.T) {
	for _, tc := range []struct {
		err  error
		hint string
	}{
		{unix.ENOENT, "\nhint: load the kernel's tun module: modprobe tun"},
		{unix.ENODEV, "\nhint: load the kernel's tun module: modprobe tun"},
		{unix.EACCES, "\nhint: run as root, or let everybody open it: chmod 666 /dev/net/tun"},
		{unix.EPERM, "\nhint: run as root, or let everybody open it: chmod 666 /dev/net/tun"},
		{unix.EMFILE, ""},
	} {
		err := nodeError(tc.err)
		head, hint, _ := strings.Cut(err.Error(), "\n")
		if !errors.Is(err, tc.err) || !strings.HasPrefix(head, "open /dev/net/tun: ") || tc.hint != "" && "\n"+hint != tc.hint || tc.hint == "" && hint != "" {
			t.Errorf("error is %q", err)
		}
	}
}

func TestOpenInNoNamespace(t *testing.T) {
	if _, err := Open(netns.None(), Options{Name: "tap0"}); err == nil || !strings.Contains(err.Error(), "namespace of interface tap0") {
		t.Errorf("error is %v", err)
	}
}

// Where the kernel knows no offload of UDP (before Linux 6.2), the others are
// asked for alone; any other refusal is an error.
func TestOffloadsOfAnOlderKernel(t *testing.T) {
	// As the kernel decides: an unknown flag is refused, with all others.
	kernel := func(known int, asked *[]int) func(int) error {
		return func(flags int) error {
			*asked = append(*asked, flags)
			if flags&^known != 0 {
				return unix.EINVAL
			}
			return nil
		}
	}
	for _, tc := range []struct {
		known, want int
		err         error
	}{
		{0x67, 0x67, nil},
		{0x1f, 0x07, nil}, // Linux 6.1 knows TSO_ECN and UFO besides
		{0, 0x07, unix.EINVAL},
	} {
		var asked []int
		err := setOffloads(kernel(tc.known, &asked))
		if !errors.Is(err, tc.err) || asked[len(asked)-1] != tc.want {
			t.Errorf("kernel with %#x: asked for %#x, error %v", tc.known, asked, err)
		}
	}
	asked := 0
	if err := setOffloads(func(int) error { asked++; return unix.EBADFD }); !errors.Is(err, unix.EBADFD) || asked != 1 {
		t.Errorf("asked %d times, error %v", asked, err)
	}
}
