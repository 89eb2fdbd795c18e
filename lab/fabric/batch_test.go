package fabric

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/lab/fabric/frame"
)

// batchFrame is datagrams of two bytes, numbered from first on, that the guest
// of p sends in one go and leaves to be cut.
func batchFrame(t testing.TB, p *port, src, dst string, first, n int) []byte {
	buf := guestFrame(t, p, src, dst)
	for i := range n {
		buf = binary.BigEndian.AppendUint16(buf, uint16(first+i))
	}
	buf[0], buf[1] = 1, 5 // VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4
	for at, value := range map[int]uint16{4: 2, 6: frame.HeaderLen + 20, 8: 6} {
		binary.NativeEndian.PutUint16(buf[at:], value)
	}
	binary.BigEndian.PutUint16(buf[frame.VNetHeaderLen+frame.HeaderLen+2:], uint16(28+2*n))
	return buf
}

const batchHeaders = frame.HeaderLen + 28

// keeper is a device that keeps the frames it is given.
type keeper struct {
	sink
	frames [][]byte
}

func (k *keeper) Write(buf []byte) error {
	k.frames = append(k.frames, slices.Clone(buf))
	return nil
}

// numbers are those of the datagrams that came, and how many frames they were in.
func (k *keeper) numbers(t *testing.T) (list []int, frames int) {
	t.Helper()
	for _, buf := range k.frames {
		for one := range frame.Packets(buf) {
			body := one[frame.VNetHeaderLen+batchHeaders:]
			if len(body) != 2 {
				t.Fatalf("a datagram of %d bytes", len(body))
			}
			list = append(list, int(binary.BigEndian.Uint16(body)))
		}
	}
	return list, len(k.frames)
}

// batchWay is twoNICs with a receiver that keeps what comes.
func batchWay(t *testing.T) (f *Fabric, wan, vm1 *port, got *keeper) {
	f, wan = twoNICs(t)
	got = &keeper{sink: sink{closed: make(chan struct{})}}
	f.mu.Lock()
	defer f.mu.Unlock()
	vm1 = f.find("vm1")
	f.closePort(vm1)
	f.ports[vm1.index] = nil
	vm1 = &port{name: "vm1", mac: vm1.mac, dev: got}
	f.connect(vm1)
	return f, wan, vm1, got
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// Datagrams of one send cross in one frame, and count as the packets they are.
func TestBatchCrossesWhole(t *testing.T) {
	f, wan, vm1, got := batchWay(t)
	f.accept(wan, batchFrame(t, wan, "10.102.1.10", "10.102.4.4", 0, 5))
	if list, frames := got.numbers(t); !slices.Equal(list, upTo(5)) || frames != 1 {
		t.Errorf("%v came in %d frames", list, frames)
	}
	want := Traffic{Packets: 5, Bytes: 5 * (batchHeaders + 2)}
	stats := f.Stats()
	for _, n := range stats.NICs {
		if n.Name == wan.name && n.FromGuest != want || n.Name == vm1.name && n.ToGuest != want {
			t.Errorf("counted: %+v", n)
		}
	}
}

func TestBatchIsDroppedAsItsPackets(t *testing.T) {
	f, wan, vm1, got := batchWay(t)
	for _, tc := range []struct {
		name string
		at   *port
		why  reason
		do   func() error
	}{
		{"cut", wan, dropCut, func() error { return f.CutPair("wan", "vm1", true) }},
		{"UDP", wan, dropUDPFault, func() error { return f.DropUDP("wan", "vm1", 0, true) }},
		{"cut at the receiver", vm1, dropCut, func() error { return f.CutDirection("vm1", In, true) }},
		{"loss", wan, dropLoss, func() error { return f.Loss(1) }},
	} {
		f.Heal()
		if err := tc.do(); err != nil {
			t.Fatal(err)
		}
		before := tc.at.count.drops[tc.why].Load()
		f.accept(wan, batchFrame(t, wan, "10.102.1.10", "10.102.4.4", 0, 7))
		if n := tc.at.count.drops[tc.why].Load() - before; n != 7 {
			t.Errorf("%s: %d packets were dropped", tc.name, n)
		}
	}
	if len(got.frames) != 0 {
		t.Errorf("%d frames came", len(got.frames))
	}
}

// Chance hits each datagram by itself, and leaves the order as it is.
func TestLossWithinABatch(t *testing.T) {
	f, wan, _, got := batchWay(t)
	if err := f.Loss(0.5); err != nil {
		t.Fatal(err)
	}
	const batches, each = 100, 10
	for i := range batches {
		f.accept(wan, batchFrame(t, wan, "10.102.1.10", "10.102.4.4", i*each, each))
	}
	list, _ := got.numbers(t)
	lost := int(wan.count.drops[dropLoss].Load())
	if len(list)+lost != batches*each || !slices.IsSorted(list) {
		t.Errorf("%d came and %d were lost, in order: %v", len(list), lost, slices.IsSorted(list))
	}
	whole := 0
	for i := range batches {
		first, _ := slices.BinarySearch(list, i*each)
		last, _ := slices.BinarySearch(list, (i+1)*each)
		if n := last - first; n == 0 || n == each {
			whole++
		}
	}
	if whole > 10 { // two in 1024 each, by chance
		t.Errorf("%d of %d batches shared one fate", whole, batches)
	}
}

// A paused NIC keeps 256 packets, however they came.
func TestBatchIsHeldAsItsPackets(t *testing.T) {
	f, wan, vm1, got := batchWay(t)
	for name, at := range map[string]*port{"wan": wan, "vm1": vm1} {
		got.frames = nil
		if err := f.fault("pause", []string{name}, func(fl *faults) { fl.paused[name] = true }); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			f.accept(wan, batchFrame(t, wan, "10.102.1.10", "10.102.4.4", i*10, 10))
		}
		f.Heal()
		if list, _ := got.numbers(t); !slices.Equal(list, upTo(holdLen)) {
			t.Errorf("%s: %v came", name, list)
		}
		if n := at.count.drops[dropPaused].Load(); n != 300-holdLen {
			t.Errorf("%s: %d were dropped", name, n)
		}
	}
}

// On a delayed way a batch takes the room of its packets, and stays whole.
func TestBatchOnTheDelayLine(t *testing.T) {
	_, wan := twoNICs(t)
	buf := batchFrame(t, wan, "10.102.1.10", "10.102.4.4", 0, 4)
	delivered := 0
	line := newDelayLine(6, func(_ *port, b []byte) {
		delivered++
		if !bytes.Equal(b, buf) {
			t.Error("delivered changed")
		}
	})
	for round := range 2 {
		if !line.put(nil, 1, 0, buf) || line.put(nil, 1, 0, buf) {
			t.Error("six packets don't have room for one batch of four, and not for two")
		}
		line.deliverDue()
		if delivered != round+1 || line.deliverDue() != time.Hour {
			t.Errorf("round %d: %d frames delivered", round, delivered)
		}
	}
}

// A capture has the packets that are on the wire.
func TestCaptureOfABatch(t *testing.T) {
	f, wan, _, _ := batchWay(t)
	var file bytes.Buffer
	stop, err := f.Capture(&file, "")
	if err != nil {
		t.Fatal(err)
	}
	f.accept(wan, batchFrame(t, wan, "10.102.1.10", "10.102.4.4", 0, 3))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var list []int
	for b := file.Bytes()[24:]; len(b) >= 16; {
		length := int(binary.LittleEndian.Uint32(b[8:]))
		if length != batchHeaders+2 {
			t.Fatalf("a packet of %d bytes", length)
		}
		list = append(list, int(binary.BigEndian.Uint16(b[16+length-2:])))
		b = b[16+length:]
	}
	if want := []int{0, 1, 2, 0, 1, 2}; !slices.Equal(list, want) { // sent, received
		t.Errorf("captured %v", list)
	}
}
