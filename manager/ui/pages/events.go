package pages

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"releve.dev/releve/core/event"
	"releve.dev/releve/site"
)

func kindName(f *Frame, k event.Kind) string {
	if name := "kind." + string(k); f.Has(name) {
		return f.T("kind." + string(k))
	}
	return k.Describe().SubType
}

func kindLook(k event.Kind) string {
	switch k {
	case event.HANotReady, event.Disconnected, event.PassiveDisconnected, event.WANDisconnected, event.LANDisconnected, event.OutOfSight, event.Refused:
		return "bad"
	case event.FailOver:
		return "warn"
	case event.HAReady, event.Connected, event.PassiveConnected, event.Reconnected, event.WANConnected, event.LANConnected:
		return "ok"
	}
	return "idle"
}

func sideName(f *Frame, s site.Side) string {
	if s == site.NoSide {
		return "–"
	}
	return f.T("side." + s.String())
}

// exported are the filters as the API has them.
func exported(query url.Values) url.Values {
	q := url.Values{}
	for from, to := range map[string]string{"text": "text", "kind": "kind", "role": "role", "site": "site"} {
		if v := query.Get(from); v != "" {
			q.Set(to, v)
		}
	}
	return q
}

func nameOr(name, id string) string {
	if name != "" {
		return name
	}
	return id
}

// changed is a setting that was another before.
type changed struct{ name, before, after string }

// changes are those between two states of a thing in the audit log.
func changes(before, after string) []changed {
	was, is := members(before), members(after)
	names := maps.Clone(was)
	maps.Copy(names, is)
	var all []changed
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			all = append(all, changed{name, nameOr(was[name], "–"), nameOr(is[name], "–")})
		}
	}
	return all
}

// members are a JSON object's, as text.
func members(text string) map[string]string {
	raw, shown := map[string]json.RawMessage{}, map[string]string{}
	if json.Unmarshal([]byte(text), &raw) != nil {
		return shown
	}
	for name, value := range raw {
		if s := string(value); s != "null" && s != `""` {
			shown[name] = s
		}
	}
	return shown
}
