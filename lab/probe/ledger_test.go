package probe

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// record plays a line of packets, one a millisecond from 1 s on: '.' arrives
// half a millisecond later, 'x' is lost, '2' arrives twice.
func record(line string) *Ledger {
	l := NewLedger(ms)
	for i, c := range line {
		at := time.Second + time.Duration(i)*ms
		seq := l.Sent(at)
		if c != 'x' {
			l.Arrived(seq, at+ms/2)
		}
		if c == '2' {
			l.Arrived(seq, at+ms)
		}
	}
	return l
}

func TestOutagesAreRunsOfLostNumbers(t *testing.T) {
	at := func(d time.Duration) time.Duration { return time.Second + d }
	for _, c := range []struct {
		name, line string
		from       uint64
		end        time.Duration
		want       []Outage
	}{
		{"nothing lost", ".....", 0, at(5 * ms), nil},
		{"one", "..x..", 0, at(5 * ms), []Outage{{From: at(1*ms + ms/2), To: at(3*ms + ms/2), Length: ms, Lost: 1}}},
		{"two runs", ".xx.xxx.", 0, at(8 * ms), []Outage{
			{From: at(ms / 2), To: at(3*ms + ms/2), Length: 2 * ms, Lost: 2},
			{From: at(3*ms + ms/2), To: at(7*ms + ms/2), Length: 3 * ms, Lost: 3}}},
		{"open at the end", "..xx", 0, at(9 * ms), []Outage{{From: at(1*ms + ms/2), To: at(9 * ms), Length: 6*ms + ms/2, Lost: 2, Open: true}}},
		{"from the start", "xx..", 0, at(4 * ms), []Outage{{From: at(-ms), To: at(2*ms + ms/2), Length: 2*ms + ms/2, Lost: 2}}},
		{"before it counted", "xx.x.", 3, at(5 * ms), []Outage{{From: at(2 * ms), To: at(4*ms + ms/2), Length: ms + ms/2, Lost: 1}}},
		{"sent after the end", "..xx", 0, at(2 * ms), nil},
		{"sent before and after the end", ".xxx", 0, at(2 * ms), []Outage{{From: at(ms / 2), To: at(2 * ms), Length: ms / 2, Lost: 1, Open: true}}},
		{"all", "xxx", 0, at(10 * ms), []Outage{{From: at(-ms), To: at(10 * ms), Length: 10 * ms, Lost: 3, Open: true}}},
		{"nothing sent", "", 0, at(0), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, record(c.line).Outages(c.from, c.end)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A frozen VM's packets that were held back and come after all are not the
// arrival before the outage.
func TestLatePacketsDontShortenAnOutage(t *testing.T) {
	l := NewLedger(ms)
	for i := range 6 {
		at := time.Second + time.Duration(i)*ms
		switch seq := l.Sent(at); i {
		case 0, 5:
			l.Arrived(seq, at)
		case 1, 2:
			l.Arrived(seq, at+time.Second)
		}
	}
	want := []Outage{{From: time.Second, To: time.Second + 5*ms, Length: 4 * ms, Lost: 2}}
	if diff := cmp.Diff(want, l.Outages(0, time.Minute)); diff != "" {
		t.Error(diff)
	}
}

// What was held back and comes in the end doesn't lengthen an outage that was
// over before.
func TestLatePacketsDontLengthenAnOutage(t *testing.T) {
	l := NewLedger(ms)
	for i := range 6 {
		at := time.Second + time.Duration(i)*ms
		switch seq := l.Sent(at); i {
		case 0, 4, 5:
			l.Arrived(seq, at)
		case 3:
			l.Arrived(seq, at+time.Second)
		}
	}
	want := []Outage{{From: time.Second, To: time.Second + 4*ms, Length: 3 * ms, Lost: 2}}
	if diff := cmp.Diff(want, l.Outages(0, time.Minute)); diff != "" {
		t.Error(diff)
	}
}

func TestCountsSinceASequenceNumber(t *testing.T) {
	l := record(".x2x.")
	if got, want := l.Since(1), (Count{Sent: 4, Received: 2, Duplicated: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	l.Arrived(99, time.Hour) // never sent
	if got := l.Since(0); got.Received != 3 || l.Last() >= time.Hour {
		t.Errorf("a packet that was never sent was counted: %+v", got)
	}
}
