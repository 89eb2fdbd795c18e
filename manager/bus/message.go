package bus

import (
	"encoding/json"
	"fmt"
	"slices"

	"releve.dev/releve/manager/fleet"
)

// message is a wake-up as it travels.
type message struct {
	From string     `json:"from"` // a life of a manager
	Wake fleet.Wake `json:"wake"`
}

// mostMerged is how many things a wake-up names before it says only that there are
// many.
const mostMerged = 1000

// encode makes a message of at most most bytes; one that doesn't fit says that all
// is to be looked at.
func encode(self string, w fleet.Wake, most int) []byte {
	text, err := json.Marshal(message{self, w})
	if err != nil {
		panic("bus: " + err.Error())
	}
	if len(text) > most {
		return encode(self, fleet.Wake{Lost: true}, max(most, 256))
	}
	return text
}

func decode(text []byte) (message, error) {
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("a wake-up that can't be read: %w", err)
	}
	if m.From == "" {
		return m, fmt.Errorf("a wake-up of nobody")
	}
	return m, nil
}

// merged is both wake-ups in one.
func merged(a, b fleet.Wake) fleet.Wake {
	if a.Lost || b.Lost {
		return fleet.Wake{Lost: true}
	}
	w := fleet.Wake{
		Settings: union(a.Settings, b.Settings), Void: union(a.Void, b.Void),
		Status: union(a.Status, b.Status), Events: union(a.Events, b.Events),
	}
	if len(w.Settings)+len(w.Void)+len(w.Status)+len(w.Events) > mostMerged {
		return fleet.Wake{Lost: true}
	}
	return w
}

func union[T comparable](a, b []T) []T {
	all := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}
