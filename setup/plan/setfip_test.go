package plan

import (
	"net/netip"
	"testing"

	"releve.dev/releve/doctor"
)

// The former floating IP is what the LAN NICs have besides their own addresses and
// the new one; of several nobody knows which.
func TestFormer(t *testing.T) {
	addr := netip.MustParseAddr
	nic := func(own string, more ...string) *doctor.NIC {
		n := &doctor.NIC{Configs: []doctor.IPConfig{{Primary: true, Addr: addr(own)}}}
		for _, a := range more {
			n.Configs = append(n.Configs, doctor.IPConfig{Addr: addr(a)})
		}
		return n
	}
	for name, c := range map[string]struct {
		primary, secondary *doctor.NIC
		want               netip.Addr
	}{
		"in the middle":      {nic("10.0.0.4", "10.0.0.9", "10.0.0.8"), nic("10.0.0.5"), addr("10.0.0.8")},
		"moved meanwhile":    {nic("10.0.0.4"), nic("10.0.0.5", "10.0.0.8", "10.0.0.9"), addr("10.0.0.8")},
		"on both":            {nic("10.0.0.4", "10.0.0.8"), nic("10.0.0.5", "10.0.0.8"), addr("10.0.0.8")},
		"done":               {nic("10.0.0.4", "10.0.0.9"), nic("10.0.0.5"), netip.Addr{}},
		"another address":    {nic("10.0.0.4", "10.0.0.8", "10.0.0.7"), nic("10.0.0.5"), netip.Addr{}},
		"a NIC wasn't found": {nil, nic("10.0.0.5", "10.0.0.8"), addr("10.0.0.8")},
	} {
		f := &doctor.Facts{}
		f.Members[0].LAN, f.Members[1].LAN = c.primary, c.secondary
		if got := Former(f, addr("10.0.0.9")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
