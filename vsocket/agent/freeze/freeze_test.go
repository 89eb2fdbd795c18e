package freeze

import (
	"bytes"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

type inner struct {
	at   time.Duration
	name string
}

// all has each kind of field, and none is exported but one.
type all struct {
	yes     bool
	small   int8
	tiny    uint8
	big     uint64
	text    string
	fixed   [3]inner
	list    []inner
	bytes   []byte
	Pointer *inner
	table   map[uint64]inner
	names   map[string][]byte
	addr    netip.Addr
	steps   []any // of one step: not kept
	call    func()
}

func full() *all {
	return &all{yes: true, small: math.MinInt8, tiny: 255, big: math.MaxUint64, text: "tëxt",
		fixed: [3]inner{{1, "a"}, {-2, ""}, {math.MaxInt64, "c"}}, list: []inner{{4, "d"}}, bytes: []byte{0, 1},
		Pointer: &inner{5, "e"}, table: map[uint64]inner{7: {6, "f"}, 300: {math.MinInt64, "g"}},
		names: map[string][]byte{"nil": nil, "none": {}, "some": {9}}, addr: netip.MustParseAddr("10.102.2.200")}
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []*all{full(), {}, {list: []inner{}, bytes: []byte{}, table: map[uint64]inner{}, Pointer: &inner{}}} {
		frozen := Append([]byte("before"), want)[6:]
		got := full()
		got.list, got.names["more"], got.table[1] = append(got.list, inner{}), nil, inner{}
		if err := Thaw(frozen, got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got.addr != want.addr {
			t.Errorf("address %s isn't %s any more", got.addr, want.addr)
		}
	}
}

// A map has no order, and what is frozen has one.
func TestSameMindSameBytes(t *testing.T) {
	for range 20 {
		if !bytes.Equal(Append(nil, full()), Append(nil, full())) {
			t.Fatal("two texts of one value")
		}
	}
}

// What belongs to one step isn't kept.
func TestStepsAreNotKept(t *testing.T) {
	with := full()
	with.steps, with.call = []any{1}, func() {}
	if !bytes.Equal(Append(nil, with), Append(nil, full())) {
		t.Error("an interface is written down")
	}
}

func TestTornIsRefused(t *testing.T) {
	frozen := Append(nil, full())
	for n := range frozen {
		if Thaw(frozen[:n], &all{}) == nil {
			t.Fatalf("%d of %d bytes are accepted", n, len(frozen))
		}
	}
	if Thaw(append(frozen, 0), &all{}) == nil {
		t.Error("a byte more is accepted")
	}
}

func TestLayout(t *testing.T) {
	type renamed struct{ There time.Duration }
	type one struct{ At time.Duration }
	type two struct {
		At time.Duration
		By int
	}
	seen := map[uint64]bool{}
	for _, pointer := range []any{&renamed{}, &one{}, &two{}, &all{}, &inner{}} {
		if seen[Layout(pointer)] {
			t.Errorf("%T has another type's layout", pointer)
		}
		seen[Layout(pointer)] = true
	}
	if Layout(full()) != Layout(&all{}) {
		t.Error("a layout is of the value, not of the type")
	}
}

// FuzzThaw: what is accepted freezes to the same bytes again.
func FuzzThaw(f *testing.F) {
	f.Add(Append(nil, full()))
	f.Add(Append(nil, &all{}))
	f.Fuzz(func(t *testing.T, frozen []byte) {
		got := &all{}
		if Thaw(frozen, got) == nil && !bytes.Equal(Append(nil, got), frozen) {
			t.Fatalf("%x is taken for %+v", frozen, got)
		}
	})
}
