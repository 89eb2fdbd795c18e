package fabric

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// arrivals collects what the line delivers, with the time.
func arrivals(t *testing.T, limit int, play func(*delayLine)) []string {
	t.Helper()
	var got []string
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		line := newDelayLine(limit, func(_ *port, buf []byte) {
			got = append(got, fmt.Sprintf("%s@%s", buf, time.Since(start)))
		})
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { line.run(stop); close(done) }()
		play(line)
		<-time.After(time.Second) // the bubble's clock: nothing waits
		close(stop)
		<-done
	})
	return got
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}

func TestDelayLineKeepsTime(t *testing.T) {
	got := arrivals(t, 10, func(l *delayLine) {
		l.put(nil, 1, 20*time.Millisecond, []byte("slow"))
		l.put(nil, 2, 5*time.Millisecond, []byte("quick"))
		<-time.After(10 * time.Millisecond)
		l.put(nil, 2, 5*time.Millisecond, []byte("later"))
	})
	expect(t, got, "quick@5ms", "later@15ms", "slow@20ms")
}

// A delay that shrinks or ends doesn't let a packet overtake another of its
// way.
func TestDelayLineKeepsOrder(t *testing.T) {
	got := arrivals(t, 10, func(l *delayLine) {
		l.put(nil, 1, 20*time.Millisecond, []byte("a"))
		l.put(nil, 1, time.Millisecond, []byte("b"))
		l.put(nil, 1, 0, []byte("c"))
		if l.clear(1) {
			t.Error("the way is said to be clear")
		}
		<-time.After(30 * time.Millisecond)
		if !l.clear(1) || !l.clear(2) {
			t.Error("the way is never clear again")
		}
	})
	expect(t, got, "a@20ms", "b@20ms", "c@20ms")
}

func TestDelayLineIsBounded(t *testing.T) {
	got := arrivals(t, 2, func(l *delayLine) {
		for i, want := range []bool{true, true, false} {
			if ok := l.put(nil, 1, time.Millisecond, fmt.Append(nil, i)); ok != want {
				t.Errorf("packet %d: put is %v", i, ok)
			}
		}
	})
	expect(t, got, "0@1ms", "1@1ms")
}
