package steer

import (
	"bytes"
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
		rest := string(kept)
		for _, known := range []string{`"properties"`, `"instanceView"`, `"statuses"`, `"code"`} {
			rest = strings.ReplaceAll(rest, known, "")
		}
		for i, text := range strings.Split(rest, `"`) {
			if i%2 == 1 && !strings.HasPrefix(text, "PowerState/") && !strings.HasSuffix(text, `\`) && !strings.Contains(rest, `\"`) {
				t.Fatalf("%q of %s is kept", text, body)
			}
		}
	})
}
