package throttle

import (
	"testing"
	"time"
)

// TestBucket: it holds its size, and refills at its rate up to its size.
func TestBucket(t *testing.T) {
	var b Bucket
	l := Limit{Size: 3, PerSecond: 2}
	for want := 2; want >= 0; want-- {
		if left, wait := b.Take(0, l); left != want || wait != 0 {
			t.Fatalf("left %d, wait %s", left, wait)
		}
	}
	if _, wait := b.Take(0, l); wait != 500*time.Millisecond {
		t.Fatalf("wait %s", wait)
	}
	if _, wait := b.Take(499*time.Millisecond, l); wait <= 0 {
		t.Fatal("a token too early")
	}
	if _, wait := b.Take(500*time.Millisecond, l); wait != 0 {
		t.Fatalf("wait %s", wait)
	}
	if left, _ := b.Take(time.Hour, l); left != 2 {
		t.Fatalf("left %d after an hour", left)
	}
}
