package tap

import (
	"errors"

	"golang.org/x/sys/unix"
)

// What a guest may leave to us (linux/if_tun.h): checksums and the cutting of
// TCP, and that of UDP, which the kernel takes only with checksums and for both
// IP versions at once.
const (
	tcpOffloads = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	udpOffloads = unix.TUN_F_USO4 | unix.TUN_F_USO6
)

// setOffloads asks for all offloads, and for less where the kernel knows none
// for UDP (before Linux 6.2): it cuts the datagrams itself then.
func setOffloads(set func(flags int) error) error {
	err := set(tcpOffloads | udpOffloads)
	if errors.Is(err, unix.EINVAL) {
		return set(tcpOffloads)
	}
	return err
}
