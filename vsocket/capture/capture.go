// Package capture writes what passes an interface into a pcap file
// (draft-ietf-opsawg-pcap), within bounds: of time, packets and bytes. The kernel
// filters, so that what isn't asked for costs next to nothing.
package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// The most that one capture may be told to take.
const (
	MostTime    = 5 * time.Minute
	MostPackets = 20_000
	MostBytes   = 16 << 20
)

// Capture is one run.
type Capture struct {
	Interface string
	Filter    Filter
	Time      time.Duration
	Packets   int
	Bytes     int // of the file
}

// Check says what of a capture is out of bounds.
func (c *Capture) Check() error {
	switch {
	case c.Time < time.Second || c.Time > MostTime:
		return fmt.Errorf("time: %s is not between 1s and %s", c.Time, MostTime)
	case c.Packets < 1 || c.Packets > MostPackets:
		return fmt.Errorf("packets: %d is not between 1 and %d", c.Packets, MostPackets)
	case c.Bytes < 1 || c.Bytes > MostBytes:
		return fmt.Errorf("bytes: %d is not between 1 and %d", c.Bytes, MostBytes)
	}
	return c.Filter.check()
}

// Result is how much there is, and why it ended.
type Result struct {
	Packets int
	Bytes   int
	End     End
}

// End is why a capture ended.
type End string

// The ends.
const (
	Stopped     End = "stopped"
	TimeOver    End = "time"
	PacketsFull End = "packets"
	BytesFull   End = "bytes"
)

// The file: nanoseconds, and of link types these two.
const (
	magic    = 0xa1b23c4d
	snapLen  = 262144
	fileHead = 24
	packHead = 16

	linkEthernet = 1
	linkRaw      = 101 // IP without anything before it, as in a tunnel
)

// Run captures into w, and tells how far it is after each packet. To end ctx ends
// it in good order.
func (c *Capture) Run(ctx context.Context, w io.Writer, told func(Result)) (Result, error) {
	ifi, err := net.InterfaceByName(c.Interface)
	if err != nil {
		return Result{}, fmt.Errorf("interface %s: %w", c.Interface, err)
	}
	link := linkOf(ifi)
	program, err := c.Filter.program(link)
	if err != nil {
		return Result{}, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: program})
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w\nhint: a capture wants CAP_NET_RAW", err)
	}
	if err != nil {
		return Result{}, fmt.Errorf("capture on %s: %w", c.Interface, err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(c.Time)); err != nil {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := w.Write(head(link)); err != nil {
		return Result{}, err
	}
	return c.read(ctx, conn, w, told)
}

func (c *Capture) read(ctx context.Context, conn *packet.Conn, w io.Writer, told func(Result)) (Result, error) {
	r, buf := Result{Bytes: fileHead}, make([]byte, packHead+snapLen)
	for {
		n, _, err := conn.ReadFrom(buf[packHead:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && over(ctx):
			return r.as(Stopped), nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return r.as(TimeOver), nil
		case err != nil:
			return r, fmt.Errorf("capture on %s: %w", c.Interface, err)
		case r.Bytes+packHead+n > c.Bytes:
			return r.as(BytesFull), nil
		}
		if _, err := w.Write(record(buf[:packHead+n], time.Now())); err != nil {
			return r, err
		}
		r.Packets++
		r.Bytes += packHead + n
		told(r)
		if r.Packets == c.Packets {
			return r.as(PacketsFull), nil
		}
	}
}

func (r Result) as(end End) Result {
	r.End = end
	return r
}

func linkOf(ifi *net.Interface) uint32 {
	if len(ifi.HardwareAddr) == 6 || ifi.Flags&net.FlagLoopback != 0 {
		return linkEthernet
	}
	return linkRaw
}

func head(link uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, snapLen)
	return binary.LittleEndian.AppendUint32(b, link)
}

// record puts a packet's head before it; b has room for it.
func record(b []byte, at time.Time) []byte {
	size := uint32(len(b) - packHead)
	binary.LittleEndian.PutUint32(b[0:], uint32(at.Unix()))
	binary.LittleEndian.PutUint32(b[4:], uint32(at.Nanosecond()))
	binary.LittleEndian.PutUint32(b[8:], size)
	binary.LittleEndian.PutUint32(b[12:], size)
	return b
}

// over: nobody wants more.
func over(ctx context.Context) bool { return ctx.Err() != nil }
