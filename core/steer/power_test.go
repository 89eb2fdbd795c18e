package steer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// FuzzPowerOnly: what is kept of a VM says the same of its power as the whole,
// and says nothing else.
func FuzzPowerOnly(f *testing.F) {
	for _, code := range []string{"PowerState/running", "PowerState/stopped", "PowerState/deallocated", "ProvisioningState/succeeded", ""} {
		f.Add([]byte(`{"name":"secret","properties":{"osProfile":{},"instanceView":{"statuses":[{"code":"ProvisioningState/x"},{"code":"` + code + `","level":"secret"}]}}}`))
	}
	f.Add([]byte(`{"properties":{"instanceView":{"statuses":[{"Code":"PowerState/stopped"}]},"instanceView":{}}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		kept := PowerOnly(body)
		if vmStopped(kept) != vmStopped(body) {
			t.Fatalf("%s: stopped is %v, of %s %v", body, vmStopped(body), kept, vmStopped(kept))
		}
		if again := PowerOnly(kept); !bytes.Equal(again, kept) {
			t.Fatalf("%s is kept as %s", kept, again)
		}
		if kept == nil {
			return
		}
		var all any
		if err := json.Unmarshal(kept, &all); err != nil {
			t.Fatalf("%s: %v", kept, err)
		}
		if why := more(all); why != "" {
			t.Fatalf("%s is kept of %s", why, body)
		}
	})
}

// more finds what isn't of a power state.
func more(value any) string {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			switch name {
			case "properties", "instanceView", "statuses", "code":
			default:
				return name
			}
			if why := more(inner); why != "" {
				return why
			}
		}
		return ""
	case []any:
		for _, inner := range v {
			if why := more(inner); why != "" {
				return why
			}
		}
		return ""
	case string:
		if strings.HasPrefix(v, "PowerState/") {
			return ""
		}
	case nil:
		return ""
	}
	return fmt.Sprint(value)
}
