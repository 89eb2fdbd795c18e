package fabric

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/lab/fabric/frame"
)

// The classic pcap file format (draft-ietf-opsawg-pcap): microseconds, and
// frames as on an Ethernet.
const (
	pcapMagic    = 0xa1b2c3d4
	pcapSnapLen  = 262144
	pcapEthernet = 1
)

// capture writes the frames of one port, or of all, to a file.
type capture struct {
	port string // "" for all

	mu  sync.Mutex
	out *bufio.Writer
	err error // the first one; nothing is written after it
}

// Capture writes what the guest of a NIC or public host sends and receives to
// w, as a pcap file; of all of them if name is "", then a packet appears once
// where it is sent and once where it is received. stop ends it and tells the
// first error of w. TCP segments that were left for the hardware to cut are
// written whole, UDP datagrams one by one; checksums may be unfinished.
func (f *Fabric) Capture(w io.Writer, name string) (stop func() error, err error) {
	c := &capture{port: strings.ToLower(name), out: bufio.NewWriterSize(w, 1<<16)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if name != "" && f.find(c.port) == nil {
		return nil, fmt.Errorf("capture of %s: %w", name, ErrUnknown)
	}
	var head [24]byte
	binary.LittleEndian.PutUint32(head[0:], pcapMagic)
	binary.LittleEndian.PutUint16(head[4:], 2)
	binary.LittleEndian.PutUint16(head[6:], 4)
	binary.LittleEndian.PutUint32(head[16:], pcapSnapLen)
	binary.LittleEndian.PutUint32(head[20:], pcapEthernet)
	c.write(head[:], nil)
	taps := append(slices.Clone(*f.captures.Load()), c)
	f.captures.Store(&taps)
	return func() error { return f.endCapture(c) }, nil
}

func (f *Fabric) endCapture(c *capture) error {
	f.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(*f.captures.Load()), func(d *capture) bool { return d == c })
	f.captures.Store(&rest)
	f.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = c.out.Flush()
	}
	err := c.err
	c.err = io.ErrClosedPipe // for a frame that is on its way here
	return err
}

// record gives a frame, its virtio-net header in front, to who captures p.
func (f *Fabric) record(p *port, buf []byte) {
	for _, c := range *f.captures.Load() {
		if c.port != "" && c.port != p.name || len(buf) <= frame.VNetHeaderLen {
			continue
		}
		now := time.Now()
		for one := range frame.Packets(buf) {
			c.frame(one[frame.VNetHeaderLen:], now)
		}
	}
}

func (c *capture) frame(eth []byte, now time.Time) {
	var head [16]byte
	binary.LittleEndian.PutUint32(head[0:], uint32(now.Unix()))
	binary.LittleEndian.PutUint32(head[4:], uint32(now.Nanosecond()/1000))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(eth)))
	binary.LittleEndian.PutUint32(head[12:], uint32(len(eth)))
	c.write(head[:], eth)
}

func (c *capture) write(head, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, part := range [][]byte{head, body} {
		if c.err == nil {
			_, c.err = c.out.Write(part)
		}
	}
}
