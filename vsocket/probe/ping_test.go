package probe

import (
	"context"
	"testing"
	"time"
)

func ping(to string, count int) Ping {
	return Ping{Interface: "wan", To: addr(to), Count: count, Interval: time.Millisecond, Timeout: 10 * time.Second}
}

// F4: a line for each reply, and figures that fit them.
func TestPingF4(t *testing.T) {
	newWorld(t)
	var replies []Reply
	result := must(ping(internet, 5).Run(t.Context(), func(r Reply) { replies = append(replies, r) }))(t)
	if result.Sent != 5 || result.Received != 5 || len(replies) != 5 {
		t.Fatalf("%+v, %d replies", result, len(replies))
	}
	var sum time.Duration
	for i, r := range replies {
		if r.Seq != i+1 || r.From != addr(internet) || r.Bytes != 32 || r.RTT < result.Min || r.RTT > result.Max {
			t.Errorf("reply %d: %+v", i, r)
		}
		sum += r.RTT
	}
	if result.Mean != sum/5 {
		t.Errorf("mean %v of %v", result.Mean, sum)
	}
}

// No reply is a line as well, and no error: also where the link is down.
func TestPingWithoutReply(t *testing.T) {
	w := newWorld(t)
	for name, before := range map[string]func(){"nobody has it": func() {}, "link down": func() { w.cut("wan", true) }} {
		before()
		p := ping(silent, 2)
		p.Timeout = 20 * time.Millisecond
		lines := 0
		result, err := p.Run(t.Context(), func(r Reply) {
			lines++
			if r.RTT != 0 {
				t.Errorf("%s: %+v", name, r)
			}
		})
		if err != nil || lines != 2 || result != (Result{Sent: 2}) {
			t.Errorf("%s: %+v, %d lines, %v", name, result, lines, err)
		}
	}
}

// Ctrl-C ends a run at once; a question that it cut off isn't a lost one.
func TestPingEndsWithContext(t *testing.T) {
	newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := ping(silent, 1000)
	lines := 0
	p.Timeout = 50 * time.Millisecond
	result := must(p.Run(ctx, func(Reply) {
		if lines++; lines == 2 {
			cancel()
		}
	}))(t)
	if lines != 2 || result.Sent != 2 {
		t.Errorf("%d lines, %+v", lines, result)
	}
	dead, stop := context.WithCancel(t.Context())
	p.Timeout = time.Hour
	time.AfterFunc(20*time.Millisecond, stop)
	result = must(p.Run(dead, func(r Reply) { t.Errorf("%+v", r) }))(t)
	if result.Sent != 0 {
		t.Errorf("%+v", result)
	}
}

// F8: the active has the floating IP in its own guest, and can be asked for it too.
func TestPingOwnAddressF8(t *testing.T) {
	newWorld(t)
	result := must(ping(ownWAN, 2).Run(t.Context(), func(Reply) {}))(t)
	if result.Received != 2 {
		t.Errorf("%+v", result)
	}
}
