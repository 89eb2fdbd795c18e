package auth

import "testing"

// R14: while a key changes, the one who has both and the one who has either can
// read each other; afterwards the old one is worth nothing.
func TestKeysChange(t *testing.T) {
	old, fresh := NewHMAC([]byte("old")), NewHMAC([]byte("fresh"))
	both := NewKeys(fresh, old)
	body := []byte("a message")
	sign := func(m MAC) []byte { return m.Append(append([]byte{}, body...), body) }
	reads := func(m MAC, datagram []byte) bool { return m.Verify(datagram[:len(body)], datagram[len(body):]) }
	if !reads(both, sign(old)) || !reads(both, sign(fresh)) {
		t.Error("who has both doesn't read either")
	}
	sent := sign(both)
	if !reads(fresh, sent) || reads(old, sent) {
		t.Error("it signs with another key than the present one")
	}
	copies := 0
	both.Former(sent, func(datagram []byte) {
		if copies++; !reads(old, datagram) || reads(fresh, datagram) {
			t.Error("the copy isn't signed with the former key")
		}
	})
	if copies != 1 {
		t.Errorf("%d copies", copies)
	}
	both.Set(fresh)
	if reads(both, sign(old)) {
		t.Error("believes the old key after the change")
	}
	both.Former(sent, func([]byte) { t.Error("sends a copy after the change") })
}
