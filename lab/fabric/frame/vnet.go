package frame

import "encoding/binary"

// VNetHeaderLen is the length of the virtio-net header in front of each frame
// of a TAP opened with IFF_VNET_HDR (struct virtio_net_hdr, virtio 1.2 section
// 5.1.6, without num_buffers). Its numbers are in the machine's byte order.
const VNetHeaderLen = 10

const (
	flagNeedsChecksum = 1 // VIRTIO_NET_HDR_F_NEEDS_CSUM
	checksumStartAt   = 6
)

// NeedsChecksum reports whether the sender left the transport checksum to the
// receiver.
func NeedsChecksum(vnet []byte) bool {
	return len(vnet) >= VNetHeaderLen && vnet[0]&flagNeedsChecksum != 0
}

// checksumStart is the offset in the frame from where the receiver sums.
func checksumStart(vnet []byte) int {
	return int(binary.NativeEndian.Uint16(vnet[checksumStartAt:]))
}
