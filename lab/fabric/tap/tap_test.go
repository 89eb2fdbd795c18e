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
