package inventory_test

import (
	"bytes"
	"strings"
	"testing"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// E2, C1: a secondary can be added once the primary was seen with version 11.0
// or higher, and not before.
func TestAddSecondaryIsOfferedE2(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		second := inventory.Secondary{LANIP: ip("10.0.2.11"), FloatingIP: ip("10.0.2.100")}
		try := func(says string) {
			w.Helper()
			_, err := w.AddSecondary(w.Context(), w.who, s.ID, at(s), second)
			if r := w.refused(err, inventory.NotNow); !strings.Contains(r.Message, says) || r.Remedy == "" || w.read(s.ID).CanAddSecondary {
				w.Errorf("%+v", r)
			}
		}
		try("never been seen")
		w.enrol(s.Primary.Serial, site.Version{Major: 10, Minor: 9})
		try("runs version 10.9; high availability needs 11.0")
		w.must(w.Seen(w.Context(), s.Primary.Serial, site.HAVersion))
		if !w.read(s.ID).CanAddSecondary {
			w.Error("not offered")
		}
		added, err := w.AddSecondary(w.Context(), w.who, s.ID, at(s), second)
		if err != nil || added.CanAddSecondary {
			w.Errorf("%+v, %v", added, err)
		}
	})
}

// E3–E5: the secondary gets a serial number, HA is on, and the native range's
// local IP is the floating IP.
func TestAddSecondaryE5(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		w.enrol(s.Primary.Serial, site.Release)
		for _, bad := range []struct{ lan, fip, field string }{
			{"10.0.2.10", "10.0.2.100", "secondary_ip"}, {"10.0.2.11", "10.0.2.11", "floating_ip"}, {"10.0.2.11", "10.0.2.10", "floating_ip"},
			{"10.0.2.2", "10.0.2.100", "secondary_ip"}, {"10.0.2.11", "10.0.2.255", "floating_ip"}, {"10.0.3.11", "10.0.2.100", "secondary_ip"},
		} {
			_, err := w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip(bad.lan), FloatingIP: ip(bad.fip)})
			if r := w.refused(err, inventory.Invalid); r.Field != bad.field {
				w.Errorf("%v: %+v", bad, r)
			}
		}
		_, err := w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{})
		w.refused(err, inventory.Invalid)
		s, err = w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip("10.0.2.11"), FloatingIP: ip("10.0.2.100")})
		w.must(err)
		want := inventory.HA{FloatingIP: ip("10.0.2.100"), PrimaryIP: ip("10.0.2.10"), SecondaryIP: ip("10.0.2.11")}
		if s.Secondary == nil || s.Secondary.LANIP != ip("10.0.2.11") || s.Secondary.State != inventory.StateNew || *s.HA != want || s.Native.LocalIP != ip("10.0.2.100") {
			w.Errorf("%+v", s)
		}
		if n := w.heard(); len(n) != 1 || len(n[0].Serials) != 2 {
			w.Errorf("%+v", n)
		}
		_, err = w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip("10.0.2.12"), FloatingIP: ip("10.0.2.101")})
		w.refused(err, inventory.NotNow)
	})
}

// E7: the floating IP changed in Networks changes it in HA, and the other way
// round; management IPs and the native range can be changed.
func TestChangeE7(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		s, err := w.SetNative(w.Context(), w.who, s.ID, at(s), inventory.NativeChange{LocalIP: ip("10.0.2.101")})
		if err != nil || s.HA.FloatingIP != ip("10.0.2.101") || s.Native.LocalIP != ip("10.0.2.101") {
			w.Fatalf("%+v, %v", s, err)
		}
		s, err = w.SetHA(w.Context(), w.who, s.ID, at(s), inventory.HAChange{FloatingIP: ip("10.0.2.102"), SecondaryIP: ip("10.0.2.12")})
		if err != nil || s.HA.FloatingIP != ip("10.0.2.102") || s.Native.LocalIP != ip("10.0.2.102") || s.Secondary.LANIP != ip("10.0.2.12") || s.HA.PrimaryIP != ip("10.0.2.10") {
			w.Fatalf("%+v, %v", s, err)
		}
		_, err = w.SetHA(w.Context(), w.who, s.ID, at(s), inventory.HAChange{FloatingIP: ip("10.0.2.12")})
		if r := w.refused(err, inventory.Invalid); r.Field != "floating_ip" || !strings.Contains(r.Message, "management IP of the secondary") {
			w.Errorf("%+v", r)
		}
		_, err = w.SetNative(w.Context(), w.who, s.ID, at(s), inventory.NativeChange{Prefix: pre("10.0.3.0/24")})
		if r := w.refused(err, inventory.Invalid); len(r.Faults) != 3 {
			w.Errorf("%+v", r)
		}
		moved, err := w.SetNative(w.Context(), w.who, s.ID, at(s), inventory.NativeChange{Prefix: pre("10.0.3.0/24"), LocalIP: ip("10.0.3.100"), PrimaryIP: ip("10.0.3.10"), SecondaryIP: ip("10.0.3.11")})
		if err != nil || moved.Native != (inventory.Native{Prefix: pre("10.0.3.0/24"), LocalIP: ip("10.0.3.100")}) || moved.Primary.LANIP != ip("10.0.3.10") || moved.HA.SecondaryIP != ip("10.0.3.11") {
			w.Errorf("%+v, %v", moved, err)
		}
	})
}

// Without HA, the native range's local IP is the primary's.
func TestNativeWithoutHA(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		_, err := w.SetHA(w.Context(), w.who, s.ID, at(s), inventory.HAChange{FloatingIP: ip("10.0.2.100")})
		w.refused(err, inventory.NotNow)
		_, err = w.Unassign(w.Context(), w.who, s.ID, at(s))
		w.refused(err, inventory.NotNow)
		_, err = w.SetNative(w.Context(), w.who, s.ID, at(s), inventory.NativeChange{SecondaryIP: ip("10.0.2.11")})
		w.refused(err, inventory.NotNow)
		_, err = w.SetNative(w.Context(), w.who, s.ID, at(s), inventory.NativeChange{LocalIP: ip("10.0.2.11"), PrimaryIP: ip("10.0.2.12")})
		w.refused(err, inventory.Invalid)
		s, err = w.SetNative(w.Context(), w.who, s.ID, at(s), inventory.NativeChange{LocalIP: ip("10.0.2.11")})
		if err != nil || s.Primary.LANIP != ip("10.0.2.11") || s.Native.LocalIP != ip("10.0.2.11") {
			w.Errorf("%+v, %v", s, err)
		}
	})
}

// E9, E10: an unassigned secondary is void for ever, HA is gone, the native range
// has its local IP back; another gets a serial number and a secret of its own.
func TestUnassignE9(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		old := s.Secondary.Serial
		w.enrol(old, site.Release)
		before, err := w.Settings(w.Context(), old)
		w.must(err)
		s, err = w.Unassign(w.Context(), w.who, s.ID, at(s))
		w.must(err)
		if s.Secondary != nil || s.HA != nil || s.Native.LocalIP != ip("10.0.2.10") || !s.CanAddSecondary {
			w.Errorf("%+v", s)
		}
		if n := w.heard(); len(n) != 1 || len(n[0].Void) != 1 || n[0].Void[0] != old || len(n[0].Serials) != 1 {
			w.Errorf("%+v", n)
		}
		v, err := w.VSocket(w.Context(), w.who, old)
		if err != nil || v.State != inventory.StateVoid {
			w.Errorf("%+v, %v", v, err)
		}
		_, err = w.EnrolKey(w.Context(), w.who, old, inventory.Change{})
		w.refused(err, inventory.Void)
		_, err = w.Redeem(w.Context(), old, [20]byte{}, "k")
		w.refused(err, inventory.Void)
		_, err = w.Settings(w.Context(), old)
		w.refused(err, inventory.Void)
		w.refused(w.Seen(w.Context(), old, site.Release), inventory.Void)
		w.refused(w.Progress(w.Context(), old, inventory.Progress{Applied: 1}), inventory.Void)

		s, err = w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip("10.0.2.11"), FloatingIP: ip("10.0.2.100")})
		w.must(err)
		if s.Secondary.Serial == old {
			w.Error("the serial number lives again")
		}
		after, err := w.Settings(w.Context(), s.Primary.Serial)
		if err != nil || len(after.HA.Key) != 32 || bytes.Equal(after.HA.Key, before.HA.Key) {
			w.Errorf("the secret that the unassigned one knows is still good: %v", err)
		}
	})
}

// Both are given the same floating IP, secret and generation, and each other's
// address; saved, delivered and applied are told apart.
func TestSettings(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		_, err := w.Settings(w.Context(), s.Secondary.Serial)
		w.refused(err, inventory.NotNow)
		w.enrol(s.Secondary.Serial, site.Release)
		p, err := w.Settings(w.Context(), s.Primary.Serial)
		w.must(err)
		q, err := w.Settings(w.Context(), s.Secondary.Serial)
		w.must(err)
		if p.Side != site.Primary || q.Side != site.Secondary || p.HA.PeerIP != q.LANIP || q.HA.PeerIP != p.LANIP || p.HA.PeerSerial != q.Serial ||
			!bytes.Equal(p.HA.Key, q.HA.Key) || p.HA.FloatingIP != q.HA.FloatingIP || p.Generation != s.Generation || q.Generation != s.Generation || p.Site != s.ID {
			w.Errorf("%+v\n%+v", p, q)
		}
		w.must(w.Progress(w.Context(), p.Serial, inventory.Progress{Delivered: 2, Problem: "not yet"}))
		w.must(w.Progress(w.Context(), q.Serial, inventory.Progress{Delivered: 3, Applied: 2}))
		now := w.read(s.ID)
		if now.Primary.Delivered != 2 || now.Primary.Applied != 0 || now.Primary.Problem != "not yet" || now.Secondary.Delivered != 3 || now.Secondary.Applied != 2 {
			w.Errorf("%+v", now)
		}
		w.refused(w.Progress(w.Context(), q.Serial, inventory.Progress{Applied: 1 << 63}), inventory.Invalid)
		w.refused(w.Seen(w.Context(), "RLV-0000-0000", site.Release), inventory.Unknown)
		_, err = w.Settings(w.Context(), "' OR 1=1 --")
		w.refused(err, inventory.Unknown)
	})
}

// A primary whose machine was lost gets a new serial number; the old one is void,
// and the secret that it knew is good no more.
func TestReplacePrimary(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		old := s.Primary.Serial
		before, err := w.Settings(w.Context(), old)
		w.must(err)
		_, err = w.EnrolKey(w.Context(), w.who, old, inventory.Change{})
		w.refused(err, inventory.NotNow)
		s, err = w.ReplacePrimary(w.Context(), w.who, s.ID, at(s))
		w.must(err)
		if s.Primary.Serial == old || s.Primary.State != inventory.StateNew || s.Primary.LANIP != ip("10.0.2.10") || s.HA == nil {
			w.Errorf("%+v", s)
		}
		if n := w.heard(); len(n) != 1 || len(n[0].Void) != 1 || n[0].Void[0] != old || len(n[0].Serials) != 2 {
			w.Errorf("%+v", n)
		}
		w.refused(w.Seen(w.Context(), old, site.Release), inventory.Void)
		w.enrol(s.Primary.Serial, site.Release)
		after, err := w.Settings(w.Context(), s.Primary.Serial)
		if err != nil || bytes.Equal(after.HA.Key, before.HA.Key) || after.HA.PeerSerial != s.Secondary.Serial {
			w.Errorf("%+v, %v", after, err)
		}
	})
}
