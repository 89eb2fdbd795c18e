package egress

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/nftables"

	"releve.dev/releve/lab/room/roomtest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { roomtest.Main(m) }

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func open(t *testing.T) *Egress {
	roomtest.Need(t)
	e := must(Open(Config{Uplink: "eth0", Primary: "rlv-p", Secondary: "rlv-s", Witness: netip.MustParseAddrPort("100.64.0.1:20481")}))(t)
	t.Cleanup(func() { e.Close() })
	return e
}

// held are the first addresses of what a side's set has.
func held(t *testing.T, e *Egress, side site.Side) map[netip.Addr]bool {
	t.Helper()
	all := map[netip.Addr]bool{}
	for _, element := range must(e.conn.GetSetElements(e.up[side]))(t) {
		if !element.IntervalEnd {
			all[netip.AddrFrom4([4]byte(element.Key))] = true
		}
	}
	return all
}

// Thousands of ranges, each beside the next, are one transaction; one of them
// comes and goes in another.
func TestThousandsOfRanges(t *testing.T) {
	e := open(t)
	all := Ranges{}
	for i := range 8000 {
		all[site.Primary] = append(all[site.Primary], netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	began := time.Now()
	must(0, e.Replace(all))(t)
	replaced := time.Since(began)
	if n := len(held(t, e, site.Primary)); n != 8000 {
		t.Fatalf("%d ranges, not 8000", n)
	}
	one := all[site.Primary][4000:4001]
	began = time.Now()
	must(0, e.Change(Ranges{site.Secondary: one}, Ranges{site.Primary: one}))(t)
	t.Logf("8000 ranges in %s, a change of one in %s", replaced, time.Since(began))
	if p, s := held(t, e, site.Primary), held(t, e, site.Secondary); len(p) != 7999 || p[one[0].Addr()] || !s[one[0].Addr()] {
		t.Errorf("%d and %v after the change", len(p), s)
	}
}

// A change that can't be made whole isn't made at all.
func TestAllOrNothing(t *testing.T) {
	e := open(t)
	a, b := netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("10.2.0.0/16")
	if err := e.Change(Ranges{site.Primary: {a}}, Ranges{site.Secondary: {b}}); err == nil {
		t.Error("a range that isn't there is taken away")
	}
	if p := held(t, e, site.Primary); len(p) != 0 {
		t.Errorf("half of it was made: %v", p)
	}
	must(0, e.Change(Ranges{site.Primary: {a}}, nil))(t)
	must(0, e.Change(Ranges{site.Primary: {netip.MustParsePrefix("10.1.0.0/17")}}, Ranges{site.Primary: {a}}))(t)
}

// A new PoP takes the place of what a killed one has left, and leaves nothing.
func TestLeftovers(t *testing.T) {
	first := open(t)
	must(0, first.Replace(Ranges{site.Primary: {netip.MustParsePrefix("10.1.0.0/16")}}))(t)
	second := open(t)
	if p := held(t, second, site.Primary); len(p) != 0 {
		t.Errorf("left over: %v", p)
	}
	must(0, second.Close())(t)
	tables := must(must(nftables.New())(t).ListTables())(t)
	for _, table := range tables {
		if table.Name == tableName {
			t.Error("the table is there after Close")
		}
	}
}
