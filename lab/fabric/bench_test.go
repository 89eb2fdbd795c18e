package fabric_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric"
)

// BenchmarkHop compares one hop over the fabric with a plain veth pair, in
// turns, so that other load on the machine hits both. One op is one op on
// each: 1 MB over TCP, 1,000 UDP packets of 100 bytes (at most 256 under way,
// so that none is lost), one round trip.
func BenchmarkHop(b *testing.B) {
	over := []struct {
		name string
		hop  hop
	}{{"fabric", fabricHop(b)}, {"veth", vethHop(b)}}
	measure := func(unit string, perOp float64, prepare func(hop) func()) func(*testing.B) {
		return func(b *testing.B) {
			var spent [2]time.Duration
			var run [2]func()
			for i := range over {
				run[i] = prepare(over[i].hop)
				run[i]() // warm: neighbours resolved, windows open
			}
			for b.Loop() {
				for i := range over {
					start := time.Now()
					run[i]()
					spent[i] += time.Since(start)
				}
			}
			for i := range over {
				b.ReportMetric(perOp*float64(b.N)/spent[i].Seconds(), over[i].name+"-"+unit)
			}
			b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "of-veth")
		}
	}
	b.Run("tcp", measure("Gbit/s", 8<<20/1e9, tcpMegabyte(b)))
	b.Run("udp", measure("packets/s", 1000, udpThousand(b)))
	b.Run("roundtrips", measure("roundtrips/s", 1, udpRoundTrip(b)))
	b.Run("latency", func(b *testing.B) { latency(b, over[0].hop) })
}

// hop is a way between two guests.
type hop struct {
	near, far         *guest
	nearAddr, farAddr string
}

func fabricHop(b *testing.B) hop {
	near, far := newGuest(b), newGuest(b)
	f := fabric.New(fabric.Options{})
	b.Cleanup(f.Close)
	f.SetPlane(&plane.Plane{NICs: []plane.NIC{
		nic(clientNIC, "", 4, "10.102.4.0/24", "10.102.4.4"),
		nic(serverNIC, "", 5, "10.102.4.0/24", "10.102.4.5"),
	}})
	for i, g := range []*guest{near, far} {
		if err := f.AttachNIC(g.ns, "eth0", []string{clientNIC, serverNIC}[i]); err != nil {
			b.Fatal(err)
		}
		g.address("eth0", fmt.Sprintf("10.102.4.%d/24", 4+i))
	}
	b.Cleanup(func() {
		if o := f.Stats().Overload; o != 0 {
			b.Errorf("the fabric lost %d packets: the figures are void", o)
		}
	})
	return hop{near, far, "10.102.4.4", "10.102.4.5"}
}

func vethHop(b *testing.B) hop {
	near, far := newGuest(b), newGuest(b)
	near.links(func(h *netlink.Handle) error {
		return h.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(far.ns),
		})
	})
	for i, g := range []*guest{near, far} {
		g.links(func(h *netlink.Handle) error {
			link, err := h.LinkByName("eth0")
			if err != nil {
				return err
			}
			return h.LinkSetUp(link)
		})
		g.address("eth0", fmt.Sprintf("10.102.4.%d/24", 4+i))
	}
	return hop{near, far, "10.102.4.4", "10.102.4.5"}
}

func tcpMegabyte(b *testing.B) func(hop) func() {
	return func(h hop) func() {
		from, to := tcp(b, h.near, h.far, h.farAddr+":0", "")
		chunk, sink := make([]byte, 1<<20), make([]byte, 1<<20)
		return func() {
			go from.Write(chunk)
			if _, err := io.ReadFull(to, sink); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// sockets are a UDP socket at each end, and the far one's address.
func (h hop) sockets() (from, to *net.UDPConn, dst netip.AddrPort) {
	to = h.far.udp(h.farAddr + ":0")
	return h.near.udp(h.nearAddr + ":0"), to, to.LocalAddr().(*net.UDPAddr).AddrPort()
}

func udpThousand(b *testing.B) func(hop) func() {
	return func(h hop) func() {
		from, to, dst := h.sockets()
		window, got := make(chan struct{}, 256), make(chan struct{}, 1)
		go func() {
			buf := make([]byte, 200)
			for n := 1; ; n++ {
				if _, err := to.Read(buf); err != nil {
					return
				}
				<-window
				if n%1000 == 0 {
					got <- struct{}{}
				}
			}
		}()
		buf := make([]byte, 100)
		return func() {
			for range 1000 {
				window <- struct{}{}
				if _, err := from.WriteToUDPAddrPort(buf, dst); err != nil {
					b.Fatal(err)
				}
			}
			<-got
		}
	}
}

func udpRoundTrip(b *testing.B) func(hop) func() {
	return func(h hop) func() {
		from, to, dst := h.sockets()
		go echo(to)
		buf := make([]byte, 100)
		return func() {
			from.WriteToUDPAddrPort(buf, dst)
			if _, err := from.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func echo(conn *net.UDPConn) {
	buf := make([]byte, 200)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		conn.WriteToUDPAddrPort(buf[:n], from)
	}
}

// latency reports the median and the tail of single round trips.
func latency(b *testing.B, h hop) {
	trip := udpRoundTrip(b)(h)
	trip()
	var trips []time.Duration
	for b.Loop() {
		start := time.Now()
		trip()
		trips = append(trips, time.Since(start))
	}
	slices.Sort(trips)
	micros := func(q float64) float64 {
		return float64(trips[int(q*float64(len(trips)-1))]) / float64(time.Microsecond)
	}
	b.ReportMetric(micros(0.5), "p50-µs")
	b.ReportMetric(micros(0.99), "p99-µs")
}
