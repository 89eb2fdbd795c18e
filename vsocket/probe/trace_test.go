package probe

import (
	"context"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

func trace(to string) Trace {
	return Trace{Interface: "wan", To: addr(to), Hops: 3, Tries: 2, Timeout: 10 * time.Second}
}

// A destination on the link is the first hop, and the last.
func TestTraceReaches(t *testing.T) {
	newWorld(t)
	var hops []Hop
	reached := must(trace(internet).Run(t.Context(), func(h Hop) { hops = append(hops, h) }))(t)
	if !reached || len(hops) != 1 || !hops[0].End || hops[0].From != addr(internet) || hops[0].TTL != 1 || len(hops[0].RTTs) != 2 || hops[0].RTTs[0] <= 0 {
		t.Errorf("reached %v, %+v", reached, hops)
	}
}

// Silence is a line for each hop, as many as were asked for; ending it is no error.
func TestTraceOfNobody(t *testing.T) {
	newWorld(t)
	p := trace(silent)
	p.Timeout = 20 * time.Millisecond
	lines := 0
	reached := must(p.Run(t.Context(), func(h Hop) {
		if lines++; h.TTL != lines || h.From.IsValid() || len(h.RTTs) != 2 || h.RTTs[0] != 0 {
			t.Errorf("line %d: %+v", lines, h)
		}
	}))(t)
	if reached || lines != 3 {
		t.Errorf("reached %v, %d lines", reached, lines)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.Hops, lines = MostHops, 0
	must(p.Run(ctx, func(Hop) { lines++; cancel() }))(t)
	if lines != 1 {
		t.Errorf("%d lines after the end", lines)
	}
}

// What a router says belongs to the echo that it has in it, and to no other.
func TestReadAnswers(t *testing.T) {
	echo := must((&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 7, Seq: 9}}).Marshal(nil))(t)
	datagram := append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 1, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, echo...)
	for name, c := range map[string]struct {
		message icmp.Message
		want    answer
		of      echoed
	}{
		"time exceeded": {icmp.Message{Type: ipv4.ICMPTypeTimeExceeded, Body: &icmp.TimeExceeded{Data: datagram}}, answer{}, echoed{7, 9}},
		"prohibited":    {icmp.Message{Type: ipv4.ICMPTypeDestinationUnreachable, Code: 13, Body: &icmp.DstUnreach{Data: datagram}}, answer{refusal: "prohibited by a filter"}, echoed{7, 9}},
		"reply":         {icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: 7, Seq: 9}}, answer{end: true}, echoed{7, 9}},
		"an echo":       {icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 7, Seq: 9}}, answer{}, echoed{}},
		"cut short":     {icmp.Message{Type: ipv4.ICMPTypeTimeExceeded, Body: &icmp.TimeExceeded{Data: datagram[:22]}}, answer{}, echoed{}},
	} {
		if got, of := read(must(c.message.Marshal(nil))(t)); got != c.want || of != c.of {
			t.Errorf("%s: %+v of %+v", name, got, of)
		}
	}
}

// FuzzRead: whatever comes, it is read or left.
func FuzzRead(f *testing.F) {
	f.Add([]byte{11, 0, 0, 0, 0, 0, 0, 0, 0x4f, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, of := read(b); a.end && a.refusal != "" {
			t.Errorf("%+v of %+v", a, of)
		}
	})
}
