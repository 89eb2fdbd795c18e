package fabric

import (
	"bytes"
	"os"
	"sync"
	"testing"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/frame"
	"releve.dev/releve/lab/fabric/tap"
)

// sink is a device without a guest: it takes all that it is given.
type sink struct {
	closed chan struct{}
	once   sync.Once
}

func (s *sink) Read([]byte) (int, error) { <-s.closed; return 0, os.ErrClosed }
func (s *sink) Write([]byte) error       { return nil }
func (s *sink) SetCarrier(bool) error    { return nil }

func (s *sink) State() (tap.State, error) { return tap.State{Carrier: true}, nil }

func (s *sink) Close() error { s.once.Do(func() { close(s.closed) }); return nil }

// twoNICs is a fabric with the NIC of 10.102.1.10, which has a public address
// and forwards, the one of 10.102.4.4, and a host on the Internet.
func twoNICs(t testing.TB) (f *Fabric, wan *port) {
	f = New(Options{})
	t.Cleanup(f.Close)
	p := regionPlane()
	for i := range p.NICs {
		p.NICs[i].Inbound = []plane.NSG{{Rules: []plane.Rule{{Allow: true, Proto: frame.UDP}, {}}}}
	}
	f.SetPlane(p)
	add := func(p *port) *port {
		p.dev = &sink{closed: make(chan struct{})}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.connect(p)
		return p
	}
	wan = add(&port{name: "wan", mac: [6]byte{0, 1, 2, 3, 4, 5}})
	add(&port{name: "vm1", mac: [6]byte{0, 1, 2, 3, 4, 6}})
	add(&port{name: "203.0.113.10", public: netAddr("203.0.113.10")})
	return f, wan
}

// guestFrame is a UDP packet as the guest of p hands it over.
func guestFrame(t testing.TB, p *port, src, dst string) []byte {
	_, eth := packetOf(t, src, dst)
	copy(eth[6:], p.mac[:])
	return append(make([]byte, frame.VNetHeaderLen), eth...)
}

// The path of a packet of a known flow allocates nothing.
func TestPacketPathDoesNotAllocate(t *testing.T) {
	f, wan := twoNICs(t)
	for _, dst := range []string{"10.102.4.4", "203.0.113.10"} {
		for _, original := range [][]byte{guestFrame(t, wan, "10.102.1.10", dst), batchFrame(t, wan, "10.102.1.10", dst, 0, 9)} {
			buf := make([]byte, len(original))
			allocs := testing.AllocsPerRun(1000, func() {
				copy(buf, original)
				f.accept(wan, buf)
			})
			if allocs != 0 {
				t.Errorf("%v allocations for a frame of %d bytes to %s", allocs, len(original), dst)
			}
		}
	}
	if drops := wan.count.sum(); drops != 0 {
		t.Errorf("%d packets were dropped", drops)
	}
}

func (c *counters) sum() (n uint64) {
	for i := range c.drops {
		n += c.drops[i].Load()
	}
	return n
}

// FuzzAccept: whatever a guest sends, the fabric doesn't panic, and each packet
// of a frame is either delivered or counted as dropped, once.
func FuzzAccept(f *testing.F) {
	fab, wan := twoNICs(f)
	f.Add(guestFrame(f, wan, "10.102.1.10", "10.102.4.4"))
	f.Add(guestFrame(f, wan, "10.102.1.10", "203.0.113.10"))
	f.Add(guestFrame(f, wan, "10.102.1.10", "203.0.113.100"))
	f.Add(batchFrame(f, wan, "10.102.1.10", "203.0.113.10", 0, 3))
	f.Add(bytes.Repeat([]byte{0}, 60))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, buf []byte) {
		before := outcomes(fab)
		packets, _ := frame.Count(buf)
		fab.accept(wan, buf)
		if got := outcomes(fab) - before; got != uint64(packets) {
			t.Errorf("%d packets have %d outcomes", packets, got)
		}
	})
}

// outcomes is how many packets were delivered or dropped so far.
func outcomes(f *Fabric) (n uint64) {
	for _, p := range f.ports {
		n += p.count.sum() + p.count.toPackets.Load()
	}
	return n
}

// BenchmarkAccept is what the fabric itself costs per packet, without the
// kernel.
func BenchmarkAccept(b *testing.B) {
	for _, dst := range []string{"10.102.4.4", "203.0.113.10"} {
		b.Run(dst, func(b *testing.B) {
			f, wan := twoNICs(b)
			original := guestFrame(b, wan, "10.102.1.10", dst)
			buf := make([]byte, len(original))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, original)
				f.accept(wan, buf)
			}
		})
	}
}
