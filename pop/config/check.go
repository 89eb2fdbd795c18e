package config

import (
	"fmt"
	"net/netip"
	"slices"

	"releve.dev/releve/settings"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// checker collects what breaks a rule.
type checker struct {
	*settings.Binding
	config *Config
	own    int // of the sites, the first so many are the file's
}

func (k *checker) general() {
	c := k.config
	k.Name("name", c.Name)
	k.Directory("state_dir", c.StateDir)
	k.RunDirectory("run_dir", c.RunDir)
	if k.Present("uplink.name") {
		k.Interface("uplink.name", c.Uplink.Name)
	}
	if k.Present("uplink.address") && (!c.Uplink.Address.Is4() || c.Uplink.Address.IsUnspecified() || c.Uplink.Address.IsMulticast()) {
		k.Fail("uplink.address", "", "%s is not an IPv4 address of an interface", c.Uplink.Address)
	}
	if k.Given("uplink.public") && (!c.Uplink.Public.Is4() || c.Uplink.Public.IsUnspecified() || c.Uplink.Public.IsMulticast()) {
		k.Fail("uplink.public", "", "%s is not an IPv4 address of a machine", c.Uplink.Public)
	}
	k.Count("listen.primary", c.Listen.Primary, 1, 65535)
	k.Count("listen.secondary", c.Listen.Secondary, 1, 65535)
	if c.Listen.Primary == c.Listen.Secondary {
		k.Fail("listen.secondary", "", "%d is listen.primary's too", c.Listen.Secondary)
	}
	k.Interface("devices.primary", c.Devices.Primary)
	k.Interface("devices.secondary", c.Devices.Secondary)
	if c.Devices.Primary == c.Devices.Secondary {
		k.Fail("devices.secondary", "", "%q is devices.primary's too", c.Devices.Secondary)
	}
	if c.Uplink.Name == c.Devices.Primary || c.Uplink.Name == c.Devices.Secondary {
		k.Fail("devices", "", "one has the uplink's name %q: the tunnels make interfaces of their own", c.Uplink.Name)
	}
	k.inside("witness.address", c.Witness.Address)
	k.Count("witness.port", c.Witness.Port, 1, 65535)
}

func (k *checker) inside(path string, addr netip.Addr) {
	if !site.Overlay.Contains(addr) {
		k.Fail(path, "", "%s is not in %s, where the addresses inside tunnels are", addr, site.Overlay)
	}
}

// taken is what the sites that were found good hold. It maps a value to its
// holder, for messages.
type taken struct {
	names  map[string]bool
	ids    map[uint32]string
	ranges []heldRange
	addrs  map[netip.Addr]string
	keys   map[string]string // public and witness keys
}

type heldRange struct {
	netip.Prefix
	site string
}

func sitePath(i int) string { return fmt.Sprintf("sites[%d]", i) }

// sites returns those that are good.
func (k *checker) sites() []Site {
	var good []Site
	held := &taken{names: map[string]bool{}, ids: map[uint32]string{}, addrs: map[netip.Addr]string{}, keys: map[string]string{}}
	for i := range k.config.Sites {
		s, path := &k.config.Sites[i], sitePath(i)
		k.site(path, s, held)
		// At the manager a secondary may be known before its primary.
		if !k.Given(path+".primary") && !(i >= k.own && k.Given(path+".secondary")) {
			k.Fail(path+".primary", "", "is missing")
		}
		if !k.Clean(path) {
			continue
		}
		held.add(s)
		if k.unrevoked(path, s) {
			good = append(good, *s)
		}
	}
	return good
}

func (k *checker) site(path string, s *Site, held *taken) {
	k.Name(path+".name", s.Name)
	if held.names[s.Name] {
		k.Fail(path+".name", "", "%q is another site's", s.Name)
	}
	if k.Present(path + ".id") {
		if s.ID == 0 {
			k.Fail(path+".id", "", "0 is no site's number")
		} else if other, used := held.ids[s.ID]; used {
			k.Fail(path+".id", "", "%d is site %s's", s.ID, other)
		}
	}
	if k.Present(path+".ranges") && len(s.Ranges) == 0 {
		k.Fail(path+".ranges", "", "is empty: what is behind the vSockets?")
	}
	for i, r := range s.Ranges {
		k.siteRange(fmt.Sprintf("%s.ranges[%d]", path, i), r, s.Ranges[:i], held)
	}
	for _, side := range sides {
		if v := s.VSocket(side); v != nil {
			k.vsocket(path+"."+side.String(), v, held)
		}
	}
	if p, q := s.Primary, s.Secondary; p != nil && q != nil {
		k.distinct(path, p, q)
	}
}

var sides = []site.Side{site.Primary, site.Secondary}

// unusable are ranges that no site has, and the loopback, which this PoP has.
var unusable = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"), site.Overlay}

func (k *checker) siteRange(path string, r netip.Prefix, own []netip.Prefix, held *taken) {
	switch {
	case !r.IsValid():
		return // told already
	case !r.Addr().Is4():
		k.Fail(path, "", "%s: only IPv4 is supported", r)
		return
	case r != r.Masked():
		k.Fail(path, "", "%s has bits beyond its length: is it %s?", r, r.Masked())
	case r.Contains(k.config.Uplink.Address):
		k.Fail(path, "", "%s has the uplink's address %s in it", r, k.config.Uplink.Address)
	}
	for _, u := range unusable {
		if r.Overlaps(u) {
			k.Fail(path, "", "%s overlaps %s, which is nobody's native range", r, u)
		}
	}
	for _, other := range own {
		if r.Overlaps(other) {
			k.Fail(path, "", "%s overlaps %s of the same site", r, other)
		}
	}
	if i := slices.IndexFunc(held.ranges, func(h heldRange) bool { return r.Overlaps(h.Prefix) }); i >= 0 {
		k.Fail(path, "", "%s overlaps %s of site %s", r, held.ranges[i].Prefix, held.ranges[i].site)
	}
}

func (k *checker) vsocket(path string, v *VSocket, held *taken) {
	if k.Present(path + ".public_key") {
		if v.PublicKey == (tunnel.Key{}) {
			k.Fail(path+".public_key", "", "is all zeros")
		}
		k.free(path+".public_key", v.PublicKey.String(), held.keys)
	}
	if k.Present(path + ".address") {
		k.inside(path+".address", v.Address)
		if v.Address == k.config.Witness.Address {
			k.Fail(path+".address", "", "%s is the witness's", v.Address)
		}
		if other, used := held.addrs[v.Address]; used {
			k.Fail(path+".address", "", "%s is site %s's", v.Address, other)
		}
	}
	k.Key(path+".witness_key", v.WitnessKey, sampleWitnessKey, "head -c 32 /dev/urandom | base64 makes one; each vSocket has its own")
	k.free(path+".witness_key", v.WitnessKey, held.keys)
}

// free complains about a key that another site holds; it isn't repeated.
func (k *checker) free(path, key string, keys map[string]string) {
	if other, used := keys[key]; used {
		k.Fail(path, "", "is used by site %s", other)
	}
}

// distinct checks that the two of a site share nothing.
func (k *checker) distinct(path string, p, q *VSocket) {
	if p.PublicKey == q.PublicKey {
		k.Fail(path+".secondary.public_key", "", "is the primary's too")
	}
	if p.Address == q.Address {
		k.Fail(path+".secondary.address", "", "%s is the primary's too", q.Address)
	}
	if p.WitnessKey == q.WitnessKey {
		k.Fail(path+".secondary.witness_key", "", "is the primary's too")
	}
}

func (t *taken) add(s *Site) {
	t.names[s.Name] = true
	t.ids[s.ID] = s.Name
	for _, r := range s.Ranges {
		t.ranges = append(t.ranges, heldRange{r, s.Name})
	}
	for _, side := range sides {
		if v := s.VSocket(side); v != nil {
			t.addrs[v.Address] = s.Name
			t.keys[v.PublicKey.String()], t.keys[v.WitnessKey] = s.Name, s.Name
		}
	}
}

// unrevoked takes out a vSocket whose key is revoked: the other goes on. It says
// whether one is left.
func (k *checker) unrevoked(path string, s *Site) bool {
	for _, side := range sides {
		v := s.VSocket(side)
		if v == nil || !slices.Contains(k.config.Revoked, v.PublicKey) {
			continue
		}
		k.Fail(path+"."+side.String()+".public_key", "give this vSocket a new key", "is revoked: this vSocket isn't served")
		if side == site.Primary {
			s.Primary = nil
		} else {
			s.Secondary = nil
		}
	}
	return s.Primary != nil || s.Secondary != nil
}
