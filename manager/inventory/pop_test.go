package inventory_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

func keyOf(letter string) string { return strings.Repeat(letter, 43) + "=" }

func local(lan, mgmt, letter string) inventory.Local {
	return inventory.Local{LANIP: ip(lan), MGMTIP: ip(mgmt), TunnelKey: keyOf(letter)}
}

// whole is a pair that has enrolled and told all of itself.
func (w *world) whole() inventory.Site {
	w.Helper()
	s := w.pair()
	w.enrol(s.Secondary.Serial, site.Release)
	w.must(w.Told(w.Context(), s.Primary.Serial, local("10.0.2.10", "10.0.9.10", "p")))
	w.must(w.Told(w.Context(), s.Secondary.Serial, local("10.0.2.11", "10.0.9.11", "s")))
	w.heard()
	return w.read(s.ID)
}

// pop is one that has enrolled and told all of itself.
func (w *world) pop(name, letter string) inventory.PoP {
	w.Helper()
	p, err := w.AddPoP(w.Context(), w.who, name, inventory.Change{})
	w.must(err)
	key, err := w.PoPKey(w.Context(), w.who, p.ID, inventory.Change{})
	w.must(err)
	_, err = w.Redeem(w.Context(), p.Serial, key.Secret, "key of "+name)
	w.must(err)
	w.must(w.Seen(w.Context(), p.Serial, site.Release))
	w.must(w.PoPTold(w.Context(), p.Serial, inventory.LocalPoP{Endpoint: ip("203.0.113.30"), PrimaryPort: 51820, SecondaryPort: 51821,
		PublicKey: keyOf(letter), Witness: netip.MustParseAddrPort("100.64.0.1:20481")}))
	p, err = w.PoP(w.Context(), w.who, p.ID)
	w.must(err)
	return p
}

// runs lets a PoP run with what it is to be given.
func (w *world) runs(p inventory.PoP) inventory.PoPSettings {
	w.Helper()
	s, err := w.PoPSettings(w.Context(), p.Serial)
	w.must(err)
	w.must(w.Progress(w.Context(), p.Serial, inventory.Progress{Delivered: s.Generation, Applied: s.Generation}))
	return s
}

func (w *world) settings(serial site.Serial) inventory.Settings {
	w.Helper()
	s, err := w.Settings(w.Context(), serial)
	w.must(err)
	return s
}

// pops are the names in a vSocket's settings.
func (w *world) pops(serial site.Serial) string {
	w.Helper()
	s := w.settings(serial)
	if s.Cloud == nil {
		return ""
	}
	var names []string
	for _, p := range s.Cloud.PoPs {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

// What a vSocket tells of itself goes to its peer; it is a change of the site, and
// the vSocket is its actor.
func TestTold(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		before := w.read(s.ID).Generation
		w.must(w.Told(w.Context(), s.Primary.Serial, inventory.Local{}))
		w.must(w.Told(w.Context(), s.Primary.Serial, local("10.0.2.10", "10.0.9.10", "p")))
		w.must(w.Told(w.Context(), s.Primary.Serial, local("10.0.2.10", "10.0.9.10", "p")))
		now := w.read(s.ID)
		if now.Generation != before+1 || now.Primary.Told != local("10.0.2.10", "10.0.9.10", "p") || now.Primary.Problem != "" {
			w.Errorf("%+v", now)
		}
		if n := w.heard(); len(n) != 1 || !slices.Contains(n[0].Serials, s.Secondary.Serial) {
			w.Errorf("%+v", n)
		}
		if row := w.audits()[0]; row.Actor != "device:"+string(s.Primary.Serial) || row.Action != "socket.local" || row.Target != s.ID {
			w.Errorf("%+v", row)
		}
		w.enrol(s.Secondary.Serial, site.Release)
		if got := w.settings(s.Secondary.Serial); got.HA.PeerMGMT != ip("10.0.9.10") {
			w.Errorf("%+v", got.HA)
		}
		// Another LAN IP than the inventory's is shown, and refused nowhere.
		w.must(w.Told(w.Context(), s.Primary.Serial, local("10.0.2.77", "10.0.9.10", "p")))
		w.must(w.Progress(w.Context(), s.Primary.Serial, inventory.Progress{Problem: "no floating IP"}))
		if p := w.read(s.ID).Primary.Problem; p != "no floating IP; its LAN IP is 10.0.2.77, and 10.0.2.10 here" {
			w.Errorf("%q", p)
		}
		// A copied disk can't take the other's place at the PoPs.
		err := w.Told(w.Context(), s.Secondary.Serial, local("10.0.2.11", "10.0.9.11", "p"))
		if r := w.refused(err, inventory.Taken); !strings.Contains(r.Message, string(s.Primary.Serial)) {
			w.Errorf("%+v", r)
		}
		w.refused(w.Told(w.Context(), "RLV-0000-0000", local("10.0.2.11", "10.0.9.11", "x")), inventory.Unknown)
	})
}

// Numbers are never given again, and addresses and keys follow from them.
func TestNumbers(t *testing.T) {
	onBoth(t, func(w *world) {
		a := w.create("a", "10.1.2.0/24", "10.1.2.10")
		b := w.create("b", "10.2.2.0/24", "10.2.2.10")
		w.must(w.DeleteSite(w.Context(), w.who, b.ID, at(b)))
		c := w.create("c", "10.3.2.0/24", "10.3.2.10")
		if a.Number != 1 || b.Number != 2 || c.Number != 3 {
			w.Errorf("%d %d %d", a.Number, b.Number, c.Number)
		}
		dry, err := w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: "d", Native: pre("10.4.2.0/24"), LocalIP: ip("10.4.2.10")}, inventory.Change{DryRun: true})
		if err != nil || dry.Number != 4 {
			w.Errorf("%+v, %v", dry, err)
		}
	})
}

// The order between PoP and vSocket (decision 9): the PoP first when a peer comes,
// the vSocket first when it goes.
func TestOrderOfPoPAndVSocket(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.whole()
		p := w.pop("pop1", "1")
		if got := w.pops(s.Primary.Serial); got != "" {
			w.Errorf("given %q before the PoP runs with it", got)
		}
		w.must(w.Progress(w.Context(), p.Serial, inventory.Progress{Delivered: p.Generation, Applied: p.Generation - 1}))
		if got := w.pops(s.Primary.Serial); got != "" {
			w.Errorf("given %q while the PoP runs with less", got)
		}
		before := w.read(s.ID).Generation
		w.heard()
		given := w.runs(p)
		if len(given.Sites) != 1 || given.Sites[0].Number != s.Number || given.Sites[0].Name != "paris" ||
			!reflect.DeepEqual(given.Sites[0].Ranges, []netip.Prefix{pre("10.0.2.0/24")}) {
			w.Fatalf("%+v", given)
		}
		mine := w.settings(s.Secondary.Serial)
		if mine.Generation != before+1 || mine.Cloud == nil || mine.Cloud.SiteNumber != s.Number || len(mine.Cloud.PoPs) != 1 ||
			mine.Cloud.PoPs[0].Told.Port(site.Secondary) != 51821 || mine.Cloud.PoPs[0].Told.PublicKey != keyOf("1") {
			w.Fatalf("%+v", mine)
		}
		theirs := given.Sites[0].Secondary
		if theirs == nil || theirs.PublicKey != keyOf("s") || theirs.Address != mine.Cloud.Address || len(theirs.WitnessKey) != 32 ||
			!slices.Equal(theirs.WitnessKey, mine.Cloud.WitnessKey) || slices.Equal(theirs.WitnessKey, given.Sites[0].Primary.WitnessKey) {
			w.Errorf("%+v and %+v", theirs, mine.Cloud)
		}
		if n := w.heard(); len(n) != 1 || len(n[0].Serials) != 2 {
			w.Errorf("%+v", n)
		}
		w.must(w.Progress(w.Context(), s.Secondary.Serial, inventory.Progress{Delivered: mine.Generation, Applied: mine.Generation}))
		if now := w.runs(p); !reflect.DeepEqual(now, given) || w.pops(s.Secondary.Serial) != "pop1" {
			w.Errorf("%+v after %+v", now, given)
		}
		// A change that doesn't concern the PoP leaves it alone.
		hold := time.Minute
		s, err := w.SetHA(w.Context(), w.who, s.ID, at(w.read(s.ID)), inventory.HAChange{Hold: &hold})
		w.must(err)
		if now, err := w.PoPSettings(w.Context(), p.Serial); err != nil || now.Generation != given.Generation {
			w.Errorf("%d after %d, %v", now.Generation, given.Generation, err)
		}
		// The other PoP instead: the first one keeps the peers until they run without it.
		q := w.pop("pop2", "2")
		w.runs(q)
		s, err = w.SetSite(w.Context(), w.who, s.ID, at(w.read(s.ID)), inventory.Fields{PoPs: &[]string{"pop2"}})
		w.must(err)
		if got := w.pops(s.Primary.Serial); got != "pop2" {
			w.Errorf("given %q", got)
		}
		if left := w.runs(p); len(left.Sites) != 1 || left.Sites[0].Primary == nil {
			w.Errorf("%+v", left)
		}
		w.must(w.Progress(w.Context(), s.Primary.Serial, inventory.Progress{Delivered: s.Generation, Applied: s.Generation}))
		if left := w.runs(p); len(left.Sites) != 1 || left.Sites[0].Primary != nil || left.Sites[0].Secondary == nil {
			w.Errorf("%+v", left)
		}
		w.must(w.Progress(w.Context(), s.Secondary.Serial, inventory.Progress{Delivered: s.Generation, Applied: s.Generation}))
		if left := w.runs(p); len(left.Sites) != 0 {
			w.Errorf("%+v", left)
		}
	})
}

// A void serial number's key is revoked at once, unless the same machine has
// enrolled anew.
func TestRevoked(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.whole()
		p := w.pop("pop1", "1")
		w.runs(p)
		s = w.read(s.ID)
		w.heard()
		s, err := w.Unassign(w.Context(), w.who, s.ID, at(s))
		w.must(err)
		if n := w.heard(); len(n) != 1 || !slices.Contains(n[0].Serials, p.Serial) {
			w.Errorf("%+v", n)
		}
		given := w.runs(p)
		if len(given.Sites) != 1 || given.Sites[0].Secondary != nil || !slices.Equal(given.Revoked, []string{keyOf("s")}) {
			w.Errorf("%+v", given)
		}
		s, err = w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip("10.0.2.11"), FloatingIP: ip("10.0.2.100")})
		w.must(err)
		w.enrol(s.Secondary.Serial, site.Release)
		w.must(w.Told(w.Context(), s.Secondary.Serial, local("10.0.2.11", "10.0.9.11", "s")))
		if given := w.runs(p); given.Sites[0].Secondary == nil || len(given.Revoked) != 0 {
			w.Errorf("%+v", given)
		}
		w.must(w.DeleteSite(w.Context(), w.who, w.create("x", "10.9.0.0/24", "10.9.0.10").ID, inventory.Change{IfMatch: 1}))
	})
}

// A PoP has a vSocket's life; and its serial number is no vSocket's.
func TestPoPs(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.whole()
		_, err := w.AddPoP(w.Context(), w.who, " ", inventory.Change{})
		w.refused(err, inventory.Invalid)
		p := w.pop("pop1", "1")
		w.runs(p)
		_, err = w.AddPoP(w.Context(), w.who, "PoP1", inventory.Change{})
		w.refused(err, inventory.Taken)
		_, err = w.PoPKey(w.Context(), w.who, p.ID, inventory.Change{})
		w.refused(err, inventory.NotNow)
		_, err = w.VSocket(w.Context(), w.who, p.Serial)
		w.refused(err, inventory.Absent)
		_, err = w.EnrolKey(w.Context(), w.who, p.Serial, inventory.Change{})
		w.refused(err, inventory.Absent)
		_, err = w.Settings(w.Context(), p.Serial)
		w.refused(err, inventory.Unknown)
		_, err = w.PoPSettings(w.Context(), s.Primary.Serial)
		w.refused(err, inventory.Unknown)
		w.refused(w.PoPTold(w.Context(), s.Primary.Serial, inventory.LocalPoP{}), inventory.Unknown)
		w.refused(w.Told(w.Context(), p.Serial, local("10.0.2.1", "10.0.2.2", "x")), inventory.Unknown)
		them := w.account("second")
		_, err = w.PoP(w.Context(), them, p.ID)
		w.refused(err, inventory.Absent)
		w.refused(w.RemovePoP(w.Context(), them, p.ID, inventory.Change{}), inventory.Absent)
		if all, err := w.PoPs(w.Context(), them); err != nil || len(all) != 0 {
			w.Errorf("%+v, %v", all, err)
		}

		s = w.read(s.ID)
		for _, bad := range [][]string{{"pop2"}, {"pop1", p.ID}} {
			_, err = w.SetSite(w.Context(), w.who, s.ID, at(s), inventory.Fields{PoPs: &bad})
			if r := w.refused(err, inventory.Invalid); r.Field != "pops" {
				w.Errorf("%+v", r)
			}
		}
		s, err = w.SetSite(w.Context(), w.who, s.ID, at(s), inventory.Fields{PoPs: &[]string{"pop1"}})
		if err != nil || !reflect.DeepEqual(s.PoPs, []inventory.PoPRef{{ID: p.ID, Name: "pop1"}}) || !reflect.DeepEqual(w.read(s.ID).PoPs, s.PoPs) {
			w.Errorf("%+v, %v", s, err)
		}
		if r := w.refused(w.RemovePoP(w.Context(), w.who, p.ID, inventory.Change{}), inventory.NotNow); !strings.Contains(r.Message, "paris") {
			w.Errorf("%+v", r)
		}
		s, err = w.SetSite(w.Context(), w.who, s.ID, at(s), inventory.Fields{PoPs: &[]string{}})
		w.must(err)
		w.must(w.RemovePoP(w.Context(), w.who, p.ID, inventory.Change{DryRun: true}))
		w.heard()
		w.must(w.RemovePoP(w.Context(), w.who, p.ID, inventory.Change{}))
		if n := w.heard(); len(n) != 1 || !slices.Equal(n[0].Void, []site.Serial{p.Serial}) || len(n[0].Serials) != 2 {
			w.Errorf("%+v", n)
		}
		if got := w.settings(s.Primary.Serial); got.Cloud != nil || got.Generation != s.Generation+1 {
			w.Errorf("%+v", got)
		}
		_, err = w.PoPSettings(w.Context(), p.Serial)
		w.refused(err, inventory.Void)
		_, err = w.PoP(w.Context(), w.who, p.ID)
		w.refused(err, inventory.Absent)
		w.pop("pop1", "1")
	})
}

// A PoP's new address reaches those that use it.
func TestPoPMoves(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.whole()
		p := w.pop("pop1", "1")
		w.runs(p)
		s = w.read(s.ID)
		w.heard()
		moved := p.Told
		moved.Endpoint = ip("203.0.113.31")
		w.must(w.PoPTold(w.Context(), p.Serial, moved))
		w.must(w.PoPTold(w.Context(), p.Serial, moved))
		if n := w.heard(); len(n) != 1 || len(n[0].Serials) != 3 {
			w.Errorf("%+v", n)
		}
		if got := w.settings(s.Primary.Serial); got.Generation != s.Generation+1 || got.Cloud.PoPs[0].Told.Endpoint != moved.Endpoint {
			w.Errorf("%+v", got)
		}
	})
}

// What a site decides of its pair is kept, checked, and given to both (E7).
func TestHASettings(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		keepalive, off, none := 20*time.Millisecond, "off", time.Duration(0)
		s, err := w.SetHA(w.Context(), w.who, s.ID, at(s), inventory.HAChange{Keepalive: &keepalive, Preempt: &off})
		want := site.HASettings{Timers: site.Timers{Keepalive: keepalive}, Preempt: "off"}
		if err != nil || s.HA.Settings != want || w.read(s.ID).HA.Settings != want || w.settings(s.Primary.Serial).HA.Settings != want {
			w.Fatalf("%+v, %v", s, err)
		}
		long := 2 * time.Second
		_, err = w.SetHA(w.Context(), w.who, s.ID, at(s), inventory.HAChange{Keepalive: &long, Preempt: &off})
		if r := w.refused(err, inventory.Invalid); r.Field != "keepalive" || !strings.Contains(r.Message, "2s is not between 10ms and 1s") {
			w.Errorf("%+v", r)
		}
		if row := w.audits()[0]; !strings.Contains(row.After, `"keepalive":"20ms"`) || strings.Contains(row.Before, "20ms") {
			w.Errorf("%+v", row)
		}
		s, err = w.SetHA(w.Context(), w.who, s.ID, at(s), inventory.HAChange{Keepalive: &none})
		if err != nil || s.HA.Settings != (site.HASettings{Preempt: "off"}) {
			w.Errorf("%+v, %v", s.HA, err)
		}
		s, err = w.Unassign(w.Context(), w.who, s.ID, at(s))
		w.must(err)
		s, err = w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip("10.0.2.11"), FloatingIP: ip("10.0.2.100")})
		if err != nil || s.HA.Settings != (site.HASettings{}) {
			w.Errorf("the former pair's: %+v, %v", s.HA, err)
		}
	})
}
