package probe

import (
	"encoding/binary"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/clock"
)

// A packet is the mark of its direction, its number from the fifth byte on, and
// zeros.
const packetSize = 64

const (
	markUp   byte = 'u'
	markDown byte = 'd'
)

func encode(packet []byte, mark byte, seq uint64) {
	packet[0] = mark
	binary.BigEndian.PutUint64(packet[4:], seq)
}

func decode(packet []byte, mark byte) (seq uint64, ok bool) {
	if len(packet) != packetSize || packet[0] != mark {
		return 0, false
	}
	seq = binary.BigEndian.Uint64(packet[4:])
	var want [packetSize]byte
	encode(want[:], mark, seq)
	return seq, [packetSize]byte(packet) == want
}

// prepare asks for the kernel's receive time stamps and room for bursts.
func prepare(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		for _, o := range [][2]int{{unix.SO_RCVBUF, unix.SO_RCVBUFFORCE}, {unix.SO_SNDBUF, unix.SO_SNDBUFFORCE}} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o[1], buffer) != nil { // not allowed in a user namespace
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o[0], buffer)
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// stamp is the moment of arrival: the kernel's, or now where it gave none.
func stamp(control []byte) time.Duration {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return clock.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS &&
			len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			t := *(*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return clock.Of(time.Unix(t.Unix()))
		}
	}
	return clock.Now()
}
