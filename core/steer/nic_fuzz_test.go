package steer

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"releve.dev/releve/site"
)

// FuzzNICBody (B5): what is taken for a NIC is written back with the claim and
// the floating IP's configuration changed and nothing else, as a model says that
// decodes all and edits; and what was written reads as what was wanted.
func FuzzNICBody(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 8 {
		raw, err := json.Marshal(randomNIC(r, i%2 == 0))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, i%4 < 2)
	}
	for _, raw := range []string{
		`{"etag":"e","properties":{"ipConfigurations":[{"properties":{"privateIPAddress":"10.102.2.200"}},{"properties":{"privateIPAddress":"10.102.2.200"}}]}}`,
		`{"etag":"e","properties":{"ipConfigurations":[{"properties":{"PrivateIPAddress":"10.102.2.200"}}]},"Tags":{}}`,
		`{"etag":" e ","tags":null,"properties":{"ipConfigurations":null}}`,
		`{"etag":"e","tags":{"releve-claim":"x","RELEVE-CLAIM":"1"},"properties":{"ipConfigurations":[null]}}`,
		`{"etag":"e","tags":{"releve-claim":7},"properties":{"ipConfigurations":[],"n":1e999}}`,
	} {
		f.Add([]byte(raw), true)
		f.Add([]byte(raw), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, on bool) {
		nic, err := ParseNIC(raw, fip)
		if err != nil || !unambiguous(raw) {
			return
		}
		var config json.RawMessage
		if on {
			config = nic.freshConfig("releve-fip", fip, "/subnet")
		}
		body := nic.Body(aClaim, wanted(config))
		doc := parse(t, raw).(map[string]any)
		want, has := modelled(doc, on, parse(t, append(config, "null"[:4*bit(!on)]...)))
		if has != nic.HasFIP() {
			t.Fatalf("HasFIP %v in %s", nic.HasFIP(), raw)
		}
		if got := parse(t, body); !reflect.DeepEqual(got, reencode(t, want)) {
			t.Fatalf("of  %s\ngot  %s\nwant %v", raw, body, want)
		}
		again, err := ParseNIC(body, fip)
		if err != nil || again.Claim != aClaim || again.BadTag != "" || again.ETag != nic.ETag || again.State != nic.State {
			t.Fatalf("read back: %v, %+v\n%s", err, again, body)
		}
		if once := nic.Body(aClaim, nic.Floating); !bytes.Equal(once, rewritten(t, once)) {
			t.Fatalf("written twice, it differs: %s", once)
		}
	})
}

// wanted is the floating IP with a configuration, or none.
func wanted(config json.RawMessage) []Floating {
	if config == nil {
		return nil
	}
	return []Floating{{Addr: fip, Config: config}}
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

// rewritten reads a body and writes it again, unchanged.
func rewritten(t *testing.T, body []byte) []byte {
	nic, err := ParseNIC(body, fip)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return nic.Body(nic.Claim, nic.Floating)
}

// modelled is what a write should be. Of several configurations with the
// floating IP, which Azure doesn't allow, the first one counts.
func modelled(doc map[string]any, on bool, config any) (want map[string]any, has bool) {
	tags, _ := doc["tags"].(map[string]any)
	if tags == nil {
		tags = map[string]any{}
	}
	tags[site.ClaimTag] = aClaim.String()
	doc["tags"] = tags
	props := doc["properties"].(map[string]any)
	kept := []any{}
	configs, _ := props["ipConfigurations"].([]any)
	for _, each := range configs {
		mine := !has && addressOf(each) == fip
		has = has || mine
		if !mine || on {
			kept = append(kept, each)
		}
	}
	if on && !has {
		kept = append(kept, config)
	}
	props["ipConfigurations"] = kept
	return doc, has
}

// addressOf finds a configuration's address; ARM's names have no case.
func addressOf(config any) netip.Addr {
	text, _ := inner(inner(config, "properties"), "privateIPAddress").(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

func inner(value any, name string) any {
	object, _ := value.(map[string]any)
	for key, each := range object {
		if strings.EqualFold(key, name) {
			return each
		}
	}
	return nil
}

// unambiguous is JSON in which a name stands once in each object, whatever its case,
// and all text is UTF-8, as ARM's is: of other JSON readers make what they like
// (RFC 8259 section 4 and 8.1).
func unambiguous(raw []byte) bool {
	if !utf8.Valid(raw) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	ok := unique(decoder)
	_, err := decoder.Token()
	return ok && err == io.EOF
}

// unique reads one value.
func unique(decoder *json.Decoder) bool {
	token, err := decoder.Token()
	delim, opens := token.(json.Delim)
	if err != nil || !opens {
		return err == nil
	}
	var names []string
	for decoder.More() {
		if delim == '{' {
			name, err := decoder.Token()
			text, is := name.(string)
			if err != nil || !is {
				return false
			}
			for _, known := range names {
				if strings.EqualFold(known, text) {
					return false
				}
			}
			names = append(names, text)
		}
		if !unique(decoder) {
			return false
		}
	}
	_, err = decoder.Token()
	return err == nil
}
