package sessions

// stream is bytes that both ends can make: a linear congruential generator
// (Knuth's MMIX), of which the high byte is taken. Bytes that are lost, doubled
// or in another order don't match.
type stream uint64

func newStream(id uint64) *stream {
	s := stream(id)
	return &s
}

func (s *stream) next() byte {
	*s = *s*6364136223846793005 + 1442695040888963407
	return byte(*s >> 56)
}

func (s *stream) fill(b []byte) {
	for i := range b {
		b[i] = s.next()
	}
}

// matches reports whether these are the stream's next bytes.
func (s *stream) matches(b []byte) bool {
	for _, got := range b {
		if got != s.next() {
			return false
		}
	}
	return true
}
