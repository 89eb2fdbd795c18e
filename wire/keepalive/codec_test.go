package keepalive

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
)

var update = flag.Bool("update", false, "rewrite the golden datagram")

// full has a different value in every field.
func full() *Message {
	return &Message{
		Path: MGMT, From: site.Secondary, Boot: site.BootID{1, 2, 3, 4, 5, 6, 7, 8}, Seq: 9, Sent: 10 * time.Second,
		Nonce: 11, EchoNonce: 12, HelloNonce: 13,
		Granted: site.Claim{Term: 14, Holder: site.Primary, Boot: site.BootID{8, 7, 6, 5, 4, 3, 2, 1}, Generation: 15},
		Role:    site.Suspended, Fit: true, Reason: WANDown, Third: ARM, ThirdOK: true, AzureOK: true, Steered: true, Leased: true, Wants: true, Waits: true,
		Version: site.Version{Major: 16, Minor: 17},
		Echo:    [Paths]Echo{{Boot: site.BootID{18}, Seq: 19, Age: 20}, {Boot: site.BootID{21}, Seq: 22, Age: 23}},
		Ask:     Ask{Term: 24, SentAt: 25, Lease: 26}, Answer: Answer{Term: 27, SentAt: 28}, Yielded: 29, Prepare: 30, Ready: 31, PoP: 32, Holds: 33,
	}
}

func TestRoundTrip(t *testing.T) {
	for _, mac := range []auth.MAC{auth.NewHMAC([]byte("key")), auth.NewChecksum([]byte("key"))} {
		for _, m := range []*Message{full(), {From: site.Primary}} {
			datagram := Append([]byte("before"), m, mac)[6:]
			var got Message
			if err := Decode(datagram, &got, mac); err != nil {
				t.Fatal(err)
			}
			if got != *m {
				t.Errorf("got  %+v\nwant %+v", got, *m)
			}
		}
	}
}

// full must not miss a field that is added later.
func TestFullIsFull(t *testing.T) {
	v := reflect.ValueOf(*full())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s has no value in full()", v.Type().Field(i).Name)
		}
	}
}

// The bytes on the wire, which docs/protocol.md describes, don't change unseen.
func TestGoldenDatagram(t *testing.T) {
	const path = "testdata/full.hex"
	got := hex.Dump(Append(nil, full(), auth.NewHMAC([]byte("key"))))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	doc, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), strings.TrimSpace(string(want))) {
		t.Error("docs/protocol.md shows another datagram")
	}
}

// No datagram of another length, and none with a flipped bit, is believed.
func TestNothingElseIsBelieved(t *testing.T) {
	for _, mac := range []auth.MAC{auth.NewHMAC([]byte("key")), auth.NewChecksum([]byte("key"))} {
		good := Append(nil, full(), mac)
		var m Message
		for n := range good {
			if err := Decode(good[:n], &m, mac); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%d bytes: %v", n, err)
			}
		}
		if err := Decode(append(bytes.Clone(good), 0), &m, mac); !errors.Is(err, ErrMalformed) {
			t.Fatalf("a byte more: %v", err)
		}
		for bit := range 8 * len(good) {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			if err := Decode(bad, &m, mac); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrForged) {
				t.Fatalf("bit %d flipped: %v", bit, err)
			}
		}
		if err := Decode(good, &m, auth.NewHMAC([]byte("other"))); err == nil {
			t.Fatal("another key's datagram is believed")
		}
	}
}

// Signed by the right key and still nonsense: refused too.
func TestSignedNonsense(t *testing.T) {
	mac := auth.NewChecksum([]byte("key"))
	for name, at := range map[string]int{"path": offPath, "from": offPath + 1, "role": offPath + 2, "third": offPath + 3,
		"flags": offFlags, "holder": offGranted + 24, "padding": offGranted + 31,
		"sent": offSent, "age": offEcho + 16, "lease": offAsk + 16, "answer": offAnswer + 8} {
		body := Append(nil, full(), mac)[:bodySize]
		body[at] = 0xff
		var m Message
		if err := Decode(mac.Append(body, body), &m, mac); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: what is accepted encodes to the same bytes again.
func FuzzDecode(f *testing.F) {
	mac := auth.NewChecksum([]byte("key"))
	f.Add(Append(nil, full(), mac)[:bodySize])
	f.Add(Append(nil, &Message{From: site.Primary}, mac)[:bodySize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		datagram := mac.Append(bytes.Clone(body), body)
		var m Message
		if Decode(datagram, &m, mac) == nil && !bytes.Equal(Append(nil, &m, mac), datagram) {
			t.Fatalf("%x is taken for %+v", datagram, m)
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	for name, mac := range map[string]auth.MAC{"hmac": auth.NewHMAC(make([]byte, 32)), "checksum": auth.NewChecksum([]byte("key"))} {
		b.Run(name, func(b *testing.B) {
			m, buf := full(), make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				buf = Append(buf[:0], m, mac)
				if err := Decode(buf, m, mac); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
