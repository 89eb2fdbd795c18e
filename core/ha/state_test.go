package ha

import (
	"bytes"
	"testing"

	"releve.dev/releve/site"
)

// R0: what isn't a state of ours is none. Half a record, or an empty one, must
// not pass for the state of a site that nobody has ever claimed.
func TestOthersStateIsNoneR0(t *testing.T) {
	for _, record := range []string{"", "null", "{}", `{"granted":{}}`, `{"deposed":true}`, `{"granted":null}`} {
		if s, ok := DecodeState([]byte(record)); ok || s != (State{}) {
			t.Errorf("%s is taken for %+v", record, s)
		}
	}
}

// FuzzDecodeState: what is accepted encodes to the same bytes again.
func FuzzDecodeState(f *testing.F) {
	f.Add(State{}.Encode())
	f.Add(State{Granted: site.Claim{Term: 7, Holder: site.Secondary, Boot: site.BootID{1}, Generation: 3}, Deposed: true}.Encode())
	f.Add([]byte(`{"Granted":{"Term":1}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, record []byte) {
		if s, ok := DecodeState(record); ok && !bytes.Equal(s.Encode(), record) {
			t.Fatalf("%s is taken for %+v", record, s)
		}
	})
}
