package auth

// Keys is a MAC whose key changes (R14). It signs with the present one, and
// believes the former ones too, as whoever sends may not know of the change.
type Keys struct {
	all []MAC // the present one first
	buf []byte
}

var _ MAC = (*Keys)(nil)

// NewKeys makes one. All keys are of one size.
func NewKeys(present MAC, former ...MAC) *Keys {
	k := &Keys{}
	k.Set(present, former...)
	return k
}

// Set changes the keys.
func (k *Keys) Set(present MAC, former ...MAC) { k.all = append([]MAC{present}, former...) }

// Size is that of each key's tag.
func (k *Keys) Size() int { return k.all[0].Size() }

// Append signs with the present key.
func (k *Keys) Append(dst, message []byte) []byte { return k.all[0].Append(dst, message) }

// Verify believes what any of the keys has signed.
func (k *Keys) Verify(message, tag []byte) bool {
	for _, key := range k.all {
		if key.Verify(message, tag) {
			return true
		}
	}
	return false
}

// Former gives a datagram that Append has signed once for each former key, signed
// with that one: its reader may have no other. send may not keep the bytes.
func (k *Keys) Former(datagram []byte, send func(datagram []byte)) {
	for _, key := range k.all[1:] {
		body := datagram[:len(datagram)-k.Size()]
		k.buf = key.Append(append(k.buf[:0], body...), body)
		send(k.buf)
	}
}
