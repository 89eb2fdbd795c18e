package inventory_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// E1: a site gets a serial number of its own, at generation 1.
func TestCreateSiteE1(t *testing.T) {
	onBoth(t, func(w *world) {
		a, b := w.create("paris", "10.0.2.0/24", "10.0.2.10"), w.create("lyon", "10.1.2.0/24", "10.1.2.10")
		for _, s := range []inventory.Site{a, b} {
			if _, err := site.ParseSerial(string(s.Primary.Serial)); err != nil || s.Primary.State != inventory.StateNew || s.Generation != 1 {
				w.Errorf("%+v, %v", s, err)
			}
			if s.Secondary != nil || s.HA != nil || s.CanAddSecondary || s.Native.LocalIP != s.Primary.LANIP {
				w.Errorf("%+v", s)
			}
			if got := w.read(s.ID); !reflect.DeepEqual(got, s) {
				w.Errorf("read back:\n%+v\n%+v", got, s)
			}
		}
		if a.Primary.Serial == b.Primary.Serial {
			w.Error("twice the same serial number")
		}
		_, err := w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: "paris", Native: pre("10.3.0.0/24"), LocalIP: ip("10.3.0.10")}, inventory.Change{})
		if r := w.refused(err, inventory.Taken); r.Field != "name" {
			w.Errorf("%+v", r)
		}
	})
}

// E6 is applied where a site is made, within it and among the account's; another
// account may use the same addresses.
func TestAddressesE6(t *testing.T) {
	onBoth(t, func(w *world) {
		paris := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		for _, c := range []struct{ native, local, field, says string }{
			{"10.1.2.0/24", "10.1.2.3", "primary_ip", "10.1.2.3 is reserved by Azure"},
			{"10.1.2.0/24", "10.1.3.9", "primary_ip", "10.1.3.9 is outside the subnet 10.1.2.0/24"},
			{"10.1.2.0/31", "10.1.2.0", "native", "a prefix of /2 to /29"},
			{"10.0.0.0/16", "10.0.0.9", "native", `10.0.0.0/16 overlaps 10.0.2.0/24, the native range of the site "paris"`},
			{"10.0.2.64/26", "10.0.2.70", "native", "overlaps 10.0.2.0/24"},
		} {
			_, err := w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: "x", Native: pre(c.native), LocalIP: ip(c.local)}, inventory.Change{})
			r := w.refused(err, inventory.Invalid)
			if r.Field != c.field || !strings.Contains(r.Message, c.says) || len(r.Faults) == 0 {
				w.Errorf("%s %s: %+v", c.native, c.local, r)
			}
		}
		_, err := w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: "x"}, inventory.Change{})
		w.refused(err, inventory.Invalid)
		lyon := w.create("lyon", "10.1.2.0/24", "10.1.2.10")
		_, err = w.AddRange(w.Context(), w.who, lyon.ID, at(lyon), inventory.Range{Name: "all", Prefix: pre("10.0.0.0/8")})
		if r := w.refused(err, inventory.Invalid); r.Field != "prefix" || !strings.Contains(r.Message, "paris") {
			w.Errorf("%+v", r)
		}
		if got := w.read(paris.ID); got.Generation != 1 {
			w.Errorf("changed: %+v", got)
		}
		other := w.account("second")
		_, err = w.CreateSite(w.Context(), other, inventory.NewSite{Name: "paris", Native: pre("10.0.2.0/24"), LocalIP: ip("10.0.2.10")}, inventory.Change{})
		w.must(err)
	})
}

// What isn't the account's is absent, to every use case, and stays as it is.
func TestOtherAccountsSeeNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		them, ctx, c := w.account("second"), w.Context(), at(s)
		_, e1 := w.Site(ctx, them, s.ID)
		_, e2 := w.SetSite(ctx, them, s.ID, c, named("x"))
		_, e3 := w.AddSecondary(ctx, them, s.ID, c, inventory.Secondary{})
		_, e4 := w.SetHA(ctx, them, s.ID, c, inventory.HAChange{})
		_, e5 := w.SetNative(ctx, them, s.ID, c, inventory.NativeChange{})
		_, e6 := w.AddRange(ctx, them, s.ID, c, inventory.Range{})
		_, e7 := w.SetRange(ctx, them, s.ID, c, inventory.Range{})
		_, e8 := w.RemoveRange(ctx, them, s.ID, c, "x")
		_, e9 := w.Unassign(ctx, them, s.ID, c)
		_, e10 := w.EnrolKey(ctx, them, s.Secondary.Serial, c)
		_, e11 := w.VSocket(ctx, them, s.Primary.Serial)
		e12 := w.DeleteSite(ctx, them, s.ID, c)
		_, e13 := w.ReplacePrimary(ctx, them, s.ID, c)
		for _, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13} {
			w.refused(err, inventory.Absent)
		}
		list, err := w.Sites(ctx, them, inventory.Page{})
		if err != nil || len(list.Items) != 0 {
			w.Errorf("%v, %v", list, err)
		}
		log, err := w.Audit(ctx, them, inventory.Page{})
		if err != nil || len(log.Items) != 1 || log.Items[0].Action != "account.create" {
			w.Errorf("%v, %v", log, err)
		}
		if got := w.read(s.ID); !reflect.DeepEqual(got, s) || len(w.heard()) != 0 {
			w.Errorf("changed: %+v", got)
		}
	})
}

// A change needs the generation that was seen, and changes nothing without it,
// when it is stale, when it is a dry run, or when nothing differs.
func TestConditions(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		rows := len(w.audits())
		_, err := w.SetSite(w.Context(), w.who, s.ID, inventory.Change{}, named("x"))
		w.refused(err, inventory.Missing)
		_, err = w.SetSite(w.Context(), w.who, s.ID, inventory.Change{IfMatch: 7}, named("x"))
		w.refused(err, inventory.Stale)
		w.refused(w.DeleteSite(w.Context(), w.who, s.ID, inventory.Change{IfMatch: 7}), inventory.Stale)
		dry, err := w.SetSite(w.Context(), w.who, s.ID, inventory.Change{IfMatch: 1, DryRun: true}, named("x"))
		if err != nil || dry.Name != "x" || dry.Generation != 2 {
			w.Errorf("dry run: %+v, %v", dry, err)
		}
		w.must(w.DeleteSite(w.Context(), w.who, s.ID, inventory.Change{IfMatch: 1, DryRun: true}))
		_, err = w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: "y", Native: pre("10.3.0.0/24"), LocalIP: ip("10.3.0.10")}, inventory.Change{DryRun: true})
		w.must(err)
		_, err = w.EnrolKey(w.Context(), w.who, s.Primary.Serial, inventory.Change{DryRun: true})
		w.must(err)
		same, err := w.SetSite(w.Context(), w.who, s.ID, inventory.Change{IfMatch: 1}, named("paris"))
		if err != nil || same.Generation != 1 {
			w.Errorf("no difference: %+v, %v", same, err)
		}
		if got := w.read(s.ID); !reflect.DeepEqual(got, s) || len(w.audits()) != rows || len(w.heard()) != 0 {
			w.Errorf("changed: %+v", got)
		}
		changed, err := w.SetSite(w.Context(), w.who, s.ID, at(s), named("x"))
		if err != nil || changed.Generation != 2 || changed.Name != "x" {
			w.Errorf("%+v, %v", changed, err)
		}
		if n := w.heard(); len(n) != 1 || n[0].Generation != 2 || n[0].Site != s.ID || n[0].Serials[0] != s.Primary.Serial {
			w.Errorf("%+v", n)
		}
	})
}

// E12: a change's row says who, what, from what, to what; and no secret.
func TestAuditE12(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		key, err := w.EnrolKey(w.Context(), w.who, s.Secondary.Serial, inventory.Change{})
		w.must(err)
		_, err = w.Redeem(w.Context(), s.Secondary.Serial, key.Secret, "k")
		w.must(err)
		rows := w.audits()
		var actions []string
		for _, r := range rows {
			actions = append(actions, r.Action)
			if strings.Contains(r.Before+r.After, strings.Split(key.String(), ".")[1]) {
				w.Errorf("a secret: %+v", r)
			}
		}
		want := "socket.register socket.enrol-key socket.add-secondary socket.register socket.enrol-key site.create account.create"
		if got := strings.Join(actions, " "); got != want {
			w.Errorf("%s\nwant %s", got, want)
		}
		add := rows[2]
		if add.Actor != "user:first" || add.Target != s.ID || add.Request != "r1" || !add.At.Equal(w.now) ||
			!strings.Contains(add.Before, `"local_ip":"10.0.2.10"`) || !strings.Contains(add.After, `"local_ip":"10.0.2.100"`) {
			w.Errorf("%+v", add)
		}
		if rows[0].Actor != "device:"+string(s.Secondary.Serial) {
			w.Errorf("%+v", rows[0])
		}
		part, err := w.Audit(w.Context(), w.who, inventory.Page{Limit: 3, After: rows[1].ID})
		if err != nil || len(part.Items) != 3 || part.Items[0].ID != rows[2].ID || part.Next != rows[4].ID {
			w.Errorf("%+v, %v", part, err)
		}
	})
}

// Pages follow each other without gaps, each site with what is its own.
func TestSitesByPage(t *testing.T) {
	onBoth(t, func(w *world) {
		var made []string
		for i := range 7 {
			s := w.create(fmt.Sprint("site ", i), fmt.Sprintf("10.%d.0.0/24", i), fmt.Sprintf("10.%d.0.10", i))
			s, err := w.AddRange(w.Context(), w.who, s.ID, at(s), inventory.Range{Name: "r", Prefix: pre(fmt.Sprintf("172.16.%d.0/24", i))})
			w.must(err)
			made = append(made, s.ID)
		}
		var got []string
		page := inventory.Page{Limit: 3}
		for range 4 {
			list, err := w.Sites(w.Context(), w.who, page)
			w.must(err)
			for _, s := range list.Items {
				if want := w.read(s.ID); !reflect.DeepEqual(s, want) || len(s.Ranges) != 1 {
					w.Errorf("%+v\n%+v", s, want)
				}
				got = append(got, s.ID)
			}
			if page.After = list.Next; list.Next == "" {
				break
			}
		}
		if !reflect.DeepEqual(got, made) {
			w.Errorf("%v\n%v", got, made)
		}
	})
}

// E8: routed ranges by the Azure default router, or by an appliance that is in
// the native range.
func TestNetworksE8(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		s, err := w.AddRange(w.Context(), w.who, s.ID, at(s), inventory.Range{Name: "vnet", Prefix: pre("10.0.0.0/16")})
		w.must(err)
		s, err = w.AddRange(w.Context(), w.who, s.ID, at(s), inventory.Range{Name: "lab", Prefix: pre("10.0.9.0/24"), Gateway: ip("10.0.2.50")})
		w.must(err)
		if len(s.Ranges) != 2 || s.Ranges[0].Gateway.IsValid() || s.Ranges[1].Gateway != ip("10.0.2.50") || s.Generation != 4 {
			w.Errorf("%+v", s)
		}
		for gateway, says := range map[string]string{"10.0.9.1": "outside", "10.0.2.100": "is the floating IP", "10.0.2.1": "default router", "10.0.2.255": "reserved"} {
			lab := s.Ranges[1]
			lab.Gateway = ip(gateway)
			_, err := w.SetRange(w.Context(), w.who, s.ID, at(s), lab)
			if r := w.refused(err, inventory.Invalid); r.Field != "gateway" || !strings.Contains(r.Message, says) {
				w.Errorf("%s: %+v", gateway, r)
			}
		}
		lab := s.Ranges[1]
		lab.Gateway = netip.Addr{}
		s, err = w.SetRange(w.Context(), w.who, s.ID, at(s), lab)
		w.must(err)
		s, err = w.RemoveRange(w.Context(), w.who, s.ID, at(s), s.Ranges[0].ID)
		w.must(err)
		if got := w.read(s.ID); !reflect.DeepEqual(got.Ranges, []inventory.Range{lab}) {
			w.Errorf("%+v", got)
		}
		_, err = w.RemoveRange(w.Context(), w.who, s.ID, at(s), "none")
		w.refused(err, inventory.Absent)
		_, err = w.SetRange(w.Context(), w.who, s.ID, at(s), inventory.Range{ID: "none"})
		w.refused(err, inventory.Absent)
	})
}

// A site goes with its serial number; with a secondary it doesn't go.
func TestDeleteSite(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.pair()
		w.refused(w.DeleteSite(w.Context(), w.who, s.ID, at(s)), inventory.NotNow)
		s, err := w.Unassign(w.Context(), w.who, s.ID, at(s))
		w.must(err)
		w.heard()
		w.must(w.DeleteSite(w.Context(), w.who, s.ID, at(s)))
		_, err = w.Site(w.Context(), w.who, s.ID)
		w.refused(err, inventory.Absent)
		if n := w.heard(); len(n) != 1 || len(n[0].Void) != 1 || n[0].Void[0] != s.Primary.Serial {
			w.Errorf("%+v", n)
		}
		if void, err := w.VoidSerials(w.Context()); err != nil || len(void) != 2 {
			w.Errorf("%v, %v", void, err)
		}
		w.create("paris", "10.0.2.0/24", "10.0.2.10")
	})
}

// No text from outside upsets a database: not one with a zero byte, nor one that
// isn't UTF-8.
func TestBadTexts(t *testing.T) {
	onBoth(t, func(w *world) {
		s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
		ctx := w.Context()
		for _, bad := range []string{"\x00", "\xff", "' OR 1=1 --", strings.Repeat("x", 36), strings.Repeat("\xff", 36), "RLV-\xff000-0000"} {
			_, err := w.Site(ctx, w.who, bad)
			w.refused(err, inventory.Absent)
			_, err = w.VSocket(ctx, w.who, site.Serial(bad))
			w.refused(err, inventory.Absent)
			_, err = w.EnrolKey(ctx, w.who, site.Serial(bad), inventory.Change{})
			w.refused(err, inventory.Absent)
			_, err = w.Redeem(ctx, site.Serial(bad), [20]byte{}, "k")
			w.refused(err, inventory.Unknown)
			_, err = w.Settings(ctx, site.Serial(bad))
			w.refused(err, inventory.Unknown)
			_, err = w.Sites(ctx, w.who, inventory.Page{After: bad})
			w.refused(err, inventory.Invalid)
			_, err = w.Audit(ctx, w.who, inventory.Page{After: bad})
			w.refused(err, inventory.Invalid)
		}
		for _, bad := range []string{"", "\x00", "\xff", " x", strings.Repeat("x", 65)} {
			_, err := w.SetSite(ctx, w.who, s.ID, at(s), named(bad))
			w.refused(err, inventory.Invalid)
			_, err = w.AddRange(ctx, w.who, s.ID, at(s), inventory.Range{Name: bad, Prefix: pre("10.0.9.0/24")})
			w.refused(err, inventory.Invalid)
			_, err = w.CreateAccount(ctx, bad)
			w.refused(err, inventory.Invalid)
		}
		who := w.who
		who.Request = "a\x00\xff" + strings.Repeat("ü", 100)
		_, err := w.SetSite(ctx, who, s.ID, at(s), named("Orléans – 2"))
		w.must(err)
		if got := w.audits()[0].Request; !strings.HasPrefix(got, "aüü") || len(got) > 128 {
			w.Errorf("%q", got)
		}
	})
}
