package tree

import (
	"bytes"
	"reflect"
	"testing"
)

func TestRender(t *testing.T) {
	o, err := Parse([]byte(`{"properties":{"b":1.50,"a":null,"html":"<&>"},"zeta":1e400,"id":"x","name":"n","gone":null}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"n","id":"x","properties":{"b":1.50,"html":"<&>"},"zeta":1e400}`
	if got := string(Render(o)); got != want {
		t.Fatalf("got %s", got)
	}
}

// TestClone: a copy shares nothing.
func TestClone(t *testing.T) {
	o, err := Parse([]byte(`{"list":[{"x":1}],"o":{"y":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := Clone(o)
	Objects(c, "list")[0]["x"] = "changed"
	Sub(c, "o")["y"] = "changed"
	if got := string(Render(o)); got != `{"list":[{"x":1}],"o":{"y":2}}` {
		t.Fatalf("the original became %s", got)
	}
}

// FuzzParse: what is parsed and written is the same when parsed and written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[null,{"b":null}]}`, `[]`, `{"a":1}x`, "{\"\xff\":1}", `{"a":1,"a":2}`, `{"a":1,"a":null, "b":[-1.5e+7 , tru]}`,
		`{"b":[-1.5e+7 , true,"\\u00e9é",00]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := Parse(body)
		if err != nil {
			return
		}
		if slow, err := parse(body); err != nil || !reflect.DeepEqual(o, slow) {
			t.Fatalf("%s: %v, want %v (%v)", body, o, slow, err)
		}
		once := Render(o)
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice := Render(again); !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s", once, twice)
		}
	})
}

// TestMerge: RFC 7396's ways, and neither object is changed.
func TestMerge(t *testing.T) {
	a, err := Parse([]byte(`{"tags":{"a":"1","b":"2"},"list":[1,2],"kept":{"x":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseNulls([]byte(`{"tags":{"b":null,"c":"3"},"list":[3],"new":{"y":{"z":null}}}`))
	if err != nil {
		t.Fatal(err)
	}
	before := string(Render(a))
	if got := string(Render(Merge(a, b))); got != `{"tags":{"a":"1","c":"3"},"kept":{"x":1},"list":[3],"new":{"y":{}}}` {
		t.Errorf("got %s", got)
	}
	if after := string(Render(a)); after != before {
		t.Errorf("%s became %s", before, after)
	}
}
