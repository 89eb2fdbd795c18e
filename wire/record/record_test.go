package record

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/witness"
)

// body is a datagram's, without its signature.
func body(m *keepalive.Message) []byte { return keepalive.Append(nil, m, unsigned)[:BodySize] }

func message(i int, path keepalive.Path) *keepalive.Message {
	d := time.Duration(i) * 50 * time.Millisecond
	return &keepalive.Message{Path: path, From: site.Secondary, Boot: site.BootID{1, 2}, Seq: uint64(i), Sent: d, Nonce: 1 << 60,
		Granted: site.Claim{Term: 3, Holder: site.Primary}, Role: site.Standby, Fit: true, Version: site.Release,
		Echo:   [keepalive.Paths]keepalive.Echo{{Boot: site.BootID{2}, Seq: uint64(i), Age: 3 * time.Millisecond}, {Boot: site.BootID{2}, Seq: uint64(i), Age: 31 * time.Microsecond}},
		Answer: keepalive.Answer{Term: 3, SentAt: d - 40*time.Millisecond}}
}

// rows has a row of each kind, and each field.
func rows() []Row {
	wall := time.Unix(1700000000, 123456789)
	nic := []byte(`{"etag":"1"}`)
	list := []Row{
		{Kind: HeadRow, At: time.Hour, Head: Head{Boot: site.BootID{9, 8}, Nonce: 1 << 63, Wall: wall, Release: "14.0", Config: []byte("{}"), State: []byte{}, Lost: 7, Layout: 1 << 40, Checkpoint: []byte("mind")}},
		{Kind: Start, At: time.Hour + 1},
		{Kind: Tick, At: time.Hour + 2, Late: 3 * time.Millisecond},
		{Kind: Answer, At: time.Hour + 3, Response: Response{ID: 4, SentAt: time.Hour - 5, Status: 200, Body: nic}},
		{Kind: Answer, At: time.Hour + 4, Response: Response{ID: 2, SentAt: time.Hour - 5, Status: 429, Code: "c", Detail: "d", Message: "m", Action: "a", Scope: "s", RetryAfter: time.Minute}},
		{Kind: Answer, At: time.Hour + 5, Response: Response{ID: 5, Body: nic}},
		{Kind: Metadata, At: time.Hour + 6, SentAt: time.Hour, OK: true},
		{Kind: Metadata, At: time.Hour + 6, SentAt: time.Hour},
		{Kind: Reading, At: time.Hour + 7, Probe: 1, OK: true},
		{Kind: Reading, At: time.Hour + 7},
		{Kind: Stop, At: time.Hour + 8},
		{Kind: Settings, At: time.Hour + 8, Detail: `{"Generation":2}`},
		{Kind: Status, At: time.Hour + 7}, // a clock that goes back isn't refused
		{Kind: Floating, At: time.Hour + 9, Detail: "{}"},
		{Kind: Note, Wall: wall, What: "active", Detail: "term 3"},
		{Kind: Failure, N: 3, Detail: "no space left"},
		{Kind: Check, Sum: 1<<64 - 1},
	}
	for i := range 3 {
		for path := range keepalive.Paths {
			list = append(list, Row{Kind: Datagram, At: time.Hour + time.Second, Path: path, Datagram: body(message(i, path))})
		}
	}
	for i := range 3 {
		r := witness.Reply{Site: 1, To: site.Primary, Run: 5, Seq: uint64(i), Heard: uint64(2 * i), Sent: time.Duration(i) * time.Second}
		list = append(list, Row{Kind: Reply, At: time.Hour + time.Second, Datagram: witness.AppendReply(nil, &r, unsigned)[:witness.ReplySize]})
	}
	return append(list, Row{Kind: HeadRow, Head: Head{Wall: wall}}, Row{Kind: Datagram, Datagram: body(message(9, 0))})
}

func write(list []Row) (b []byte) {
	var s Rows
	for i := range list {
		b = s.Append(b, &list[i])
	}
	return b
}

// All that is written is read, and nothing is left over.
func TestRoundTrip(t *testing.T) {
	list := rows()
	data := write(list)
	var s Rows
	seen := map[Kind]bool{}
	for i := range list {
		var got Row
		var err error
		if data, err = s.Read(data, &got); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if !reflect.DeepEqual(got, list[i]) {
			t.Fatalf("row %d:\ngot  %+v\nwant %+v", i, got, list[i])
		}
		seen[got.Kind] = true
	}
	if len(data) != 0 || len(seen) != int(Gap) {
		t.Errorf("%d bytes left, %d kinds of %d seen", len(data), len(seen), Gap)
	}
}

// rows() must not miss a field that is added later.
func TestRowsAreFull(t *testing.T) {
	set := map[string]bool{}
	for _, row := range rows() {
		mark := func(v reflect.Value) {
			for i := range v.NumField() {
				if !v.Field(i).IsZero() {
					set[v.Type().String()+"."+v.Type().Field(i).Name] = true
				}
			}
		}
		mark(reflect.ValueOf(row))
		mark(reflect.ValueOf(row.Head))
		mark(reflect.ValueOf(row.Response))
	}
	for _, of := range []reflect.Type{reflect.TypeFor[Row](), reflect.TypeFor[Head](), reflect.TypeFor[Response]()} {
		for i := range of.NumField() {
			if name := of.String() + "." + of.Field(i).Name; !set[name] {
				t.Errorf("%s has no value in rows()", name)
			}
		}
	}
}

// A keepalive at rest costs some thirty bytes for both its copies.
func TestKeepalivesAreSmall(t *testing.T) {
	var s Rows
	var b []byte
	at := time.Duration(0)
	for i := range 100 {
		at += 50 * time.Millisecond
		for path := range keepalive.Paths {
			at += 31 * time.Microsecond
			b = s.Append(b, &Row{Kind: Datagram, At: at, Path: path, Datagram: body(message(i, path))})
		}
		if i == 0 {
			b = b[:0]
		}
	}
	if each := float64(len(b)) / 99; each > 35 {
		t.Errorf("%.1f bytes a keepalive", each)
	}
}

// read takes the kinds and times of what a reader gives.
func read(data []byte) (kinds []Kind, ats []time.Duration) {
	r := NewReader(data)
	var row Row
	for r.Next(&row) {
		kinds, ats = append(kinds, row.Kind), append(ats, row.At)
	}
	return kinds, ats
}

// chunks are of two boots; the first has a checkpoint in its third chunk.
func chunks() [][]byte {
	var s Rows
	one := func(number uint64, list ...Row) []byte {
		var b []byte
		for i := range list {
			b = s.Append(b, &list[i])
		}
		return AppendChunk(nil, number, b)
	}
	head, checkpoint := Row{Kind: HeadRow, At: 1}, Row{Kind: HeadRow, At: 3, Head: Head{Checkpoint: []byte("m")}}
	return [][]byte{
		one(0, head, Row{Kind: Start, At: 1}),
		one(1, Row{Kind: Tick, At: 2}),
		one(2, checkpoint, Row{Kind: Tick, At: 4}),
		one(3, Row{Kind: Tick, At: 5}),
		one(0, head, Row{Kind: Start, At: 6}),
	}
}

// What is missing or torn is told, and reading goes on with the next Head.
func TestReaderTellsGaps(t *testing.T) {
	c := chunks()
	flipped := bytes.Clone(c[1])
	flipped[len(flipped)-1] ^= 1
	whole := []Kind{HeadRow, Start, Tick, HeadRow, Tick, Tick, HeadRow, Start}
	for name, test := range map[string]struct {
		parts [][]byte
		want  []Kind
	}{
		"whole":                {c, whole},
		"empty":                {nil, nil},
		"begins later":         {c[2:], whole[3:]},
		"begins with no head":  {c[1:], append([]Kind{Gap}, whole[3:]...)},
		"one missing":          {[][]byte{c[0], c[2], c[3]}, []Kind{HeadRow, Start, Gap, HeadRow, Tick, Tick}},
		"one flipped":          {[][]byte{c[0], flipped, c[2]}, []Kind{HeadRow, Start, Gap, HeadRow, Tick}},
		"missing after a head": {[][]byte{c[2], c[4]}, []Kind{HeadRow, Tick, HeadRow, Start}},
		"the last ones lost":   {[][]byte{c[0], c[3], c[3], c[4]}, []Kind{HeadRow, Start, Gap, HeadRow, Start}},
		"torn by a kill":       {[][]byte{c[0], c[1][:9], c[4]}, []Kind{HeadRow, Start, HeadRow, Start}},
		"torn at the end":      {[][]byte{c[0], c[1][:len(c[1])-1]}, []Kind{HeadRow, Start, Gap}},
		"no row in a chunk":    {[][]byte{c[0], AppendChunk(nil, 1, []byte{0xff}), c[2]}, []Kind{HeadRow, Start, Gap, HeadRow, Tick}},
	} {
		if got, _ := read(bytes.Join(test.parts, nil)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	if _, ats := read(bytes.Join(c, nil)); !reflect.DeepEqual(ats, []time.Duration{1, 1, 2, 3, 4, 5, 1, 6}) {
		t.Errorf("times %v", ats)
	}
}

func TestIs(t *testing.T) {
	if !Is(chunks()[0]) || Is(nil) || Is([]byte("seed=1 keepalive=50ms")) {
		t.Error("a record isn't told from a text")
	}
}

// FuzzRows: rows that are accepted are written with the same bytes again.
func FuzzRows(f *testing.F) {
	f.Add(write(rows()))
	for _, row := range rows() {
		f.Add(write([]Row{row}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in, out Rows
		for len(data) > 0 {
			var row Row
			rest, err := in.Read(data, &row)
			if err != nil {
				return
			}
			if again := out.Append(nil, &row); !bytes.Equal(again, data[:len(data)-len(rest)]) {
				t.Fatalf("%x is taken for %+v, which is %x", data[:len(data)-len(rest)], row, again)
			}
			data = rest
		}
	})
}

// FuzzReader: whatever a file holds, it is read to its end, a gap comes once
// until the next Head, and what is read is what whole chunks hold.
func FuzzReader(f *testing.F) {
	f.Add(bytes.Join(chunks(), nil), uint8(0), uint16(0), []byte{})
	f.Add(bytes.Join(chunks(), nil), uint8(1), uint16(60), []byte("junk"))
	f.Add(AppendChunk(nil, 0, write(rows())), uint8(0), uint16(0), []byte{byte(Tick)})
	f.Fuzz(func(t *testing.T, data []byte, number uint8, at uint16, extra []byte) {
		at = uint16(min(int(at), len(data)))
		data = bytes.Join([][]byte{data[:at], AppendChunk(nil, uint64(number), extra), data[at:]}, nil)
		before := bytes.Clone(data)
		r := NewReader(data)
		var row Row
		gap, head := false, false
		for n := 0; r.Next(&row); n++ {
			switch {
			case row.Kind == Gap && gap:
				t.Fatal("two gaps in a row")
			case row.Kind == HeadRow:
				head = true
			case row.Kind != Gap && (gap || !head):
				t.Fatalf("a row of kind %d without a head before it", row.Kind)
			case n > len(data):
				t.Fatal("more rows than bytes")
			}
			gap = row.Kind == Gap
		}
		if !bytes.Equal(data, before) {
			t.Fatal("reading has changed the data")
		}
	})
}
