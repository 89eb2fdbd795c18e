package certificate

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/disk"
)

// It stays the same, as whoever trusts it has compared it, until it has to change.
func TestOwn(t *testing.T) {
	folder, err := disk.Own(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	now, last := time.Now(), ""
	for _, c := range []struct {
		name, at string
		when     time.Time
		fresh    bool
	}{
		{"the first start", "10.102.0.10", now, true},
		{"the next", "10.102.0.10", now.Add(time.Hour), false},
		{"soon over", "10.102.0.10", now.Add(life - spare + time.Hour), true},
		{"another address", "10.102.0.11", now.Add(life), true},
	} {
		own, fresh, err := Own(folder, netip.MustParseAddr(c.at), c.when)
		if err != nil {
			t.Fatal(err)
		}
		if fresh != c.fresh || (Fingerprint(own) == last) == c.fresh || own.Leaf.VerifyHostname(c.at) != nil || c.when.After(own.Leaf.NotAfter) {
			t.Errorf("%s: fresh %v, %s after %s", c.name, fresh, Fingerprint(own), last)
		}
		last = Fingerprint(own)
	}
	if len(last) != 95 || strings.Count(last, ":") != 31 {
		t.Errorf("fingerprint %s", last)
	}
	if err := disk.Replace(folder, file, []byte("spoiled")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Own(folder, netip.MustParseAddr("10.102.0.10"), now); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
		t.Errorf("a spoiled file: %v", err)
	}
}
