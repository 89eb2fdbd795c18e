package ha

import (
	"bytes"
	"encoding/json"

	"releve.dev/releve/site"
)

// State is what outlives the agent. It is saved before any message or gate
// that relies on it. A field that comes later is left out where it is empty, so
// that the records from before it stay readable.
type State struct {
	Granted site.Claim `json:"granted"` // the highest granted term that is known, and its holder
	// Deposed: a claim made during a silence took the role away, so the peer
	// lives though it isn't heard (ha-schedules.md 26).
	Deposed bool `json:"deposed,omitempty"`
	// Floating is the floating IP's own configuration as ARM showed it last. Who
	// dies between taking the address off one NIC and putting it on the other
	// finds it on neither, and must not lose what its owner has set on it (B5).
	Floating string `json:"floating,omitempty"`
	// PoP is the one in use, whose witness alone is asked. It is kept before
	// anything is asked there.
	PoP int `json:"pop,omitempty"`
	// Visit names the stay there (wire/witness.Question); 0 where there is one PoP.
	Visit uint64 `json:"visit,omitempty"`
	// Lost: what was kept before was lost, and the register hasn't been read since.
	// Where there are two PoPs, its claim alone tells that the one that is asked
	// isn't the one in use (decision 7).
	Lost bool `json:"lost,omitempty"`
}

// Encode makes the record that Decode reads.
func (s State) Encode() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("ha: state can't be encoded: " + err.Error())
	}
	return b
}

// DecodeState reads a record. ok is false for one that Encode can't have written,
// by another version for example: its reader starts mute (R0).
func DecodeState(record []byte) (s State, ok bool) {
	if json.Unmarshal(record, &s) != nil || !bytes.Equal(s.Encode(), record) {
		return State{}, false
	}
	return s, true
}
