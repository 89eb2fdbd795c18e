package fabric

import (
	"slices"
	"testing"
)

func TestHold(t *testing.T) {
	var h hold
	if held, _ := h.offer([]byte{0}); held {
		t.Error("held before it was started")
	}
	h.start()
	buf := []byte{0}
	for i := range holdLen + 3 {
		buf[0] = byte(i)
		held, lost := h.offer(buf)
		if !held || (lost == 0) != (i < holdLen) {
			t.Fatalf("packet %d: held %v, lost %v", i, held, lost)
		}
	}
	var got, want []byte
	for i := range holdLen {
		want = append(want, byte(i))
	}
	h.release(func(b []byte) { got = append(got, b[0]) })
	if !slices.Equal(got, want) {
		t.Errorf("released %v", got)
	}
	h.release(func([]byte) { t.Error("released twice") })
	if held, _ := h.offer(buf); held {
		t.Error("held after the release")
	}
}
