package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/pop/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// Decision 7: whose pager rings sees for what the witness waits.
func TestStatusSaysForWhatTheWitnessWaits(t *testing.T) {
	r := report{terminal.NewTable(io.Discard), time.Time{}}
	for want, w := range map[string]witness.Status{
		"no record to go by, waits to hear both vSockets": {State: "blank"},
		"no term yet":                       {State: "serving"},
		"term 3 of the primary, no promise": {State: "serving", Term: 3, Holder: site.Primary},
		"; one has come from another PoP, and waits until the other is heard here too": {State: "serving", Term: 3, Holder: site.Primary, Second: witness.Heard{Waits: true}},
	} {
		if got := r.witness(&w); !strings.HasSuffix(got, want) {
			t.Errorf("%+v reads as %q, want %q", w, got, want)
		}
	}
}
