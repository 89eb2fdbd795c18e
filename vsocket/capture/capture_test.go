package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"releve.dev/releve/house/private"
)

// The tests run in namespaces of their own; what they capture is on its loopback.
func TestMain(m *testing.M) { private.Main(m) }

// send has datagrams on the loopback until ctx ends.
func send(t *testing.T, ctx context.Context, to string) {
	t.Helper()
	conn, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer conn.Close()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				conn.Write([]byte("twelve bytes"))
			case <-ctx.Done():
				return
			}
		}
	}()
}

// The file has what the filter wants, whole, and as many as were asked for.
func TestCaptureIsBounded(t *testing.T) {
	send(t, t.Context(), "127.0.0.1:7777")
	send(t, t.Context(), "127.0.0.1:8888")
	for _, c := range []struct {
		capture Capture
		want    End
	}{
		{Capture{Time: time.Minute, Packets: 5, Bytes: MostBytes}, PacketsFull},
		{Capture{Time: time.Minute, Packets: MostPackets, Bytes: 300}, BytesFull},
		{Capture{Time: 100 * time.Millisecond, Packets: MostPackets, Bytes: MostBytes}, TimeOver},
	} {
		c.capture.Interface, c.capture.Filter = "lo", Filter{Protocol: "udp", Port: 7777}
		var file bytes.Buffer
		told := 0
		r, err := c.capture.Run(t.Context(), &file, func(Result) { told++ })
		if err != nil || r.End != c.want || r.Bytes != file.Len() || r.Packets != told || r.Bytes > c.capture.Bytes || r.Packets > c.capture.Packets {
			t.Errorf("%s: %+v, told %d times, %d bytes, %v", c.want, r, told, file.Len(), err)
		}
		if n := datagrams(t, file.Bytes(), 7777); n != r.Packets || n == 0 {
			t.Errorf("%s: %d datagrams of %d packets", c.want, n, r.Packets)
		}
	}
}

// datagrams counts those to a port in a file; another packet fails the test.
func datagrams(t *testing.T, file []byte, port uint16) (n int) {
	t.Helper()
	if binary.LittleEndian.Uint32(file) != magic || binary.LittleEndian.Uint32(file[20:]) != linkEthernet {
		t.Fatalf("head %x", file[:fileHead])
	}
	for rest := file[fileHead:]; len(rest) > 0; n++ {
		size := binary.LittleEndian.Uint32(rest[8:])
		one := rest[packHead:][:size]
		if at := time.Unix(int64(binary.LittleEndian.Uint32(rest)), 0); time.Since(at) > time.Hour || len(one) != 14+20+8+12 || binary.BigEndian.Uint16(one[36:]) != port {
			t.Fatalf("packet %d, of %s: %x", n, at, one)
		}
		rest = rest[packHead+size:]
	}
	return n
}

func TestCaptureIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	send(t, t.Context(), "127.0.0.1:9999")
	c := Capture{Interface: "lo", Filter: Filter{Port: 9999}, Time: time.Minute, Packets: MostPackets, Bytes: MostBytes}
	r, err := c.Run(ctx, &bytes.Buffer{}, func(Result) { cancel() })
	if err != nil || r.End != Stopped || r.Packets == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	c.Interface = "absent0"
	if _, err := c.Run(t.Context(), &bytes.Buffer{}, nil); err == nil {
		t.Error("an interface that isn't there")
	}
}
