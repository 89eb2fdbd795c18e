package steer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"releve.dev/releve/site"
)

var fip = netip.MustParseAddr("10.102.2.200")

var aClaim = site.Claim{Term: 7, Holder: site.Secondary, Boot: site.BootID{1, 2}, Generation: 3}

// randomValue is any JSON, numbers that a float64 would spoil included.
func randomValue(r *rand.Rand, depth int) any {
	switch r.IntN(7) {
	case 0:
		return r.IntN(2) == 0
	case 1:
		return json.Number(fmt.Sprintf("%d%d", r.Uint64N(1<<62), r.IntN(10)))
	case 2:
		return json.Number(fmt.Sprintf("%d.%03d", r.IntN(9), r.IntN(1000)))
	case 3:
		return nil
	case 4:
		if depth > 0 {
			return []any{randomValue(r, depth-1), randomValue(r, depth-1)}
		}
	case 5:
		if depth > 0 {
			return map[string]any{randomText(r): randomValue(r, depth-1), randomText(r): randomValue(r, depth-1)}
		}
	}
	return randomText(r)
}

func randomText(r *rand.Rand) string {
	letters := []rune("abcé<&>\"\\ \u2028日/")
	out := make([]rune, 1+r.IntN(8))
	for i := range out {
		out[i] = letters[r.IntN(len(letters))]
	}
	return string(out)
}

// randomNIC is a NIC with properties from the future at each level.
func randomNIC(r *rand.Rand, withFIP bool) map[string]any {
	config := func(name, addr string) map[string]any {
		return map[string]any{"name": name, "etag": "W/\"1\"", "x" + randomText(r): randomValue(r, 2),
			"properties": map[string]any{"privateIPAddress": addr, "x" + randomText(r): randomValue(r, 2)}}
	}
	configs := []any{config("ipconfig1", "10.102.2.10")}
	if withFIP {
		at := r.IntN(2)
		configs = append(configs[:at], append([]any{config("releve-fip", fip.String())}, configs[at:]...)...)
	}
	nic := map[string]any{"etag": "W/\"1\"", "name": "lan", "x" + randomText(r): randomValue(r, 3),
		"properties": map[string]any{"provisioningState": "Succeeded", "ipConfigurations": configs,
			"enableIPForwarding": true, "x" + randomText(r): randomValue(r, 3)}}
	if r.IntN(3) > 0 {
		nic["tags"] = map[string]any{"t" + randomText(r): randomText(r)}
	}
	return nic
}

func reencode(t *testing.T, value any) any {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, raw)
}

func parse(t *testing.T, raw []byte) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return value
}

// naive is an independent way to the same result: decode all, edit, compare.
func naive(nic map[string]any, on bool, config any) map[string]any {
	tags, _ := nic["tags"].(map[string]any)
	if tags == nil {
		tags = map[string]any{}
	}
	tags[site.ClaimTag] = aClaim.String()
	nic["tags"] = tags
	props := nic["properties"].(map[string]any)
	var kept []any
	has := false
	for _, c := range props["ipConfigurations"].([]any) {
		mine := c.(map[string]any)["properties"].(map[string]any)["privateIPAddress"] == fip.String()
		has = has || mine
		if !mine || on {
			kept = append(kept, c)
		}
	}
	if on && !has {
		kept = append(kept, config)
	}
	props["ipConfigurations"] = kept
	return nic
}

// B5: whatever a NIC carries, a write changes the claim and the floating IP's
// configuration and nothing else.
func TestBodyChangesOnlyOursB5(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		has, on := r.IntN(2) == 0, r.IntN(2) == 0
		raw, err := json.Marshal(randomNIC(r, has))
		if err != nil {
			t.Fatal(err)
		}
		nic, err := ParseNIC(raw, fip)
		if err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		if nic.HasFIP() != has {
			t.Fatalf("HasFIP %v in %s", nic.HasFIP(), raw)
		}
		config := nic.freshConfig("releve-fip", fip, "/subnet")
		body := nic.Body(aClaim, nil)
		if on {
			body = nic.Body(aClaim, wanted(config))
		}
		want := naive(parse(t, raw).(map[string]any), on, parse(t, config))
		if got := parse(t, body); !reflect.DeepEqual(got, reencode(t, want)) {
			t.Fatalf("got  %s\nwant %v", body, want)
		}
		again, err := ParseNIC(body, fip)
		if err != nil || again.Claim != aClaim || again.HasFIP() != on || !again.SameRest(nic) {
			t.Fatalf("read back: %v, claim %v, on %v (want %v)\n%s\n%s", err, again.Claim, again.HasFIP(), on, body, raw)
		}
	}
}

// R14: with two floating IPs a write leaves those on the NIC that are wanted, and
// changes nothing else; what is there already stays as its owner has it.
func TestBodyOfTwoFloatingIPs(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	both := []netip.Addr{next, fip}
	for i := range 1600 {
		doc := randomNIC(r, i&1 != 0)
		props := doc["properties"].(map[string]any)
		if i&2 != 0 {
			props["ipConfigurations"] = append(props["ipConfigurations"].([]any), map[string]any{"name": "x" + randomText(r), "own": randomValue(r, 2), "properties": map[string]any{"privateIPAddress": next.String()}})
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		nic, err := ParseNIC(raw, both...)
		if err != nil || nic.Holds(fip) != (i&1 != 0) || nic.Holds(next) != (i&2 != 0) {
			t.Fatalf("%v: %+v of %s", err, nic.Floating, raw)
		}
		var want []Floating
		for bit, addr := range map[int]netip.Addr{4: fip, 8: next} {
			if i&bit != 0 {
				want = append(want, Floating{Addr: addr, Config: nic.freshConfig("fresh-"+addr.String(), addr, "/subnet")})
			}
		}
		again, err := ParseNIC(nic.Body(aClaim, want), both...)
		if err != nil || again.Holds(fip) != (i&4 != 0) || again.Holds(next) != (i&8 != 0) || !again.SameRest(nic) {
			t.Fatalf("%v: %+v of %s", err, again.Floating, raw)
		}
		for _, f := range again.Floating {
			if was := find(nic.Floating, f.Addr); was != nil && string(was.Config) != string(f.Config) {
				t.Fatalf("%s became %s", was.Config, f.Config)
			}
		}
	}
}

// A configuration that is made fresh has a name that no other of the NIC has.
func TestAFreshNameIsFree(t *testing.T) {
	nic, err := ParseNIC([]byte(`{"etag":"e","properties":{"ipConfigurations":[{"name":"Releve-FIP","properties":{}}]}}`), fip)
	if err != nil {
		t.Fatal(err)
	}
	taken := []Floating{{Config: json.RawMessage(`{"name":"other"}`)}}
	for name, want := range map[string]string{"releve-fip": "releve-fip-10-102-2-201", "other": "other-10-102-2-201", "free": "free"} {
		if got := nic.freeName(name, next, taken); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Rest sees a change of anything that isn't ours.
func TestRestSeesOtherChanges(t *testing.T) {
	base := `{"etag":"W/1","tags":{"a":"b"},"properties":{"provisioningState":"Succeeded","networkSecurityGroup":{"id":"/nsg"},"ipConfigurations":[{"name":"i","properties":{"privateIPAddress":"10.102.2.10"}}]}}`
	nic, err := ParseNIC([]byte(base), fip)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"a":"b"`, `"a":"c"`},
		{`"tags":{"a":"b"},`, ``},
		{`"networkSecurityGroup":{"id":"/nsg"},`, ``},
		{`10.102.2.10"`, `10.102.2.12"`},
	} {
		other, err := ParseNIC([]byte(strings.Replace(base, change[0], change[1], 1)), fip)
		if err != nil {
			t.Fatal(err)
		}
		if other.SameRest(nic) || nic.SameRest(other) {
			t.Errorf("blind to %s -> %s", change[0], change[1])
		}
	}
	same, err := ParseNIC([]byte(strings.Replace(base, "W/1", "W/2", 1)), fip)
	if err != nil || !same.SameRest(nic) {
		t.Errorf("an ETag alone counts as a change (%v)", err)
	}
}

// How a NIC is written is no change: order, spaces and escapes.
func TestRestMayBeWrittenOtherwise(t *testing.T) {
	one := `{"etag":"W/1","tags":{"a":"é\"","b":"c"},"properties":{"x":[1, {"etag":"2"}],"ipConfigurations":[]}}`
	other := ` {"properties" : { "ipConfigurations":[ ] , "x":[ 1,{ } ]},` + "\n" + `"\u0074ags":{"b":"c" , "a":"\u00e9\u0022"},"etag":"W/2"} `
	var nics [2]*NIC
	for i, body := range []string{one, other} {
		var err error
		if nics[i], err = ParseNIC([]byte(body), fip); err != nil {
			t.Fatal(err)
		}
	}
	if !nics[0].SameRest(nics[1]) {
		t.Errorf("two of the same NIC:\n%s\n%s", one, other)
	}
}

// A configuration that moves keeps what its owner set and loses what Azure
// derived from the old NIC.
func TestCarriedConfig(t *testing.T) {
	got := string(carried([]byte(`{"id":"/old","etag":"W/1","type":"x","name":"releve-fip","future":1,"properties":{"privateIPAddress":"10.102.2.200","provisioningState":"Succeeded","primary":false,"publicIPAddress":{"id":"/pip"},"new":[1]}}`)))
	for _, gone := range []string{"/old", "W/1", "provisioningState", "primary"} {
		if strings.Contains(got, gone) {
			t.Errorf("%s is still in %s", gone, got)
		}
	}
	for _, kept := range []string{"releve-fip", "future", "/pip", `"new"`} {
		if !strings.Contains(got, kept) {
			t.Errorf("%s is lost in %s", kept, got)
		}
	}
}

func TestParseNICRefusesWhatIsNone(t *testing.T) {
	for _, body := range []string{``, `[]`, `{}`, `{"properties":{}}`, `{"properties":{"ipConfigurations":[]}}`,
		`{"etag":"W/1","properties":{"ipConfigurations":{}}}`, `{"etag":"W/1","tags":7,"properties":{"ipConfigurations":[]}}`} {
		if _, err := ParseNIC([]byte(body), fip); err == nil {
			t.Errorf("%q is taken for a NIC", body)
		}
	}
}
