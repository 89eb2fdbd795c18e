package witness

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

var update = flag.Bool("update", false, "rewrite the golden datagrams")

var key = auth.NewHMAC([]byte("key"))

func question() Question {
	return Question{Site: 7, From: site.Secondary, Boot: site.BootID{1, 2}, Seq: 9, Sent: time.Second, Nonce: 3, Run: 4, Heard: 5, Age: 6,
		Granted: site.Claim{Term: 8, Holder: site.Primary, Boot: site.BootID{3}, Generation: 2}, Role: site.Claiming, Fit: true,
		Reason: keepalive.LANDown, Leased: true, AzureOK: true, Version: site.Version{Major: 11, Minor: 2},
		Ask: Ask{8, time.Second}, Claim: Claim{From: 8, Nonce: 1, Generation: 2, Lease: 200 * time.Millisecond, Yielded: true}, Transfer: 8, Yielded: 7, Visit: 10}
}

func reply() Reply {
	return Reply{Site: 7, To: site.Primary, Run: 4, Seq: 6, Nonce: 12, Boot: site.BootID{9}, Heard: 5, Sent: time.Minute, State: Young,
		Record: site.Claim{Term: 8, Holder: site.Primary, Boot: site.BootID{3}, Generation: 2}, Grant: 77, Answer: 8,
		Other: View{Boot: site.BootID{5}, Seq: 4, Age: 3, Term: 8, Role: site.Suspended, Fit: true, Reason: keepalive.WANDown, Leased: true,
			AzureOK: true, Version: site.Version{Major: 12, Minor: 1}, Yielded: 6}}
}

func TestRoundTrip(t *testing.T) {
	q, r := question(), reply()
	sent := AppendQuestion(nil, &q, key)
	if len(sent) != QuestionSize+key.Size() {
		t.Fatalf("a question has %d bytes, want %d", len(sent), QuestionSize+key.Size())
	}
	var q2 Question
	if err := DecodeQuestion(sent, &q2, key); err != nil || q2 != q {
		t.Errorf("got %+v, %v, want %+v", q2, err, q)
	}
	if id, from, ok := Sender(sent); !ok || id != 7 || from != site.Secondary {
		t.Errorf("sender %d %v %v", id, from, ok)
	}
	sent = AppendReply(nil, &r, key)
	if len(sent) != ReplySize+key.Size() {
		t.Fatalf("a reply has %d bytes, want %d", len(sent), ReplySize+key.Size())
	}
	var r2 Reply
	if err := DecodeReply(sent, &r2, key); err != nil || r2 != r {
		t.Errorf("got %+v, %v, want %+v", r2, err, r)
	}
}

// question and reply must not miss a field that is added later.
func TestFullIsFull(t *testing.T) {
	for _, full := range []any{question(), question().Granted, question().Ask, question().Claim, reply(), reply().Record, reply().Other} {
		v := reflect.ValueOf(full)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s.%s has no value", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

// The bytes on the wire, which docs/protocol.md describes, don't change unseen.
func TestGoldenDatagrams(t *testing.T) {
	q, r := question(), reply()
	doc, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for path, datagram := range map[string][]byte{
		"testdata/question.hex": AppendQuestion(nil, &q, key),
		"testdata/reply.hex":    AppendReply(nil, &r, key),
	} {
		got := hex.Dump(datagram)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if !strings.Contains(string(doc), strings.TrimSpace(string(want))) {
			t.Errorf("docs/protocol.md shows another datagram than %s", path)
		}
	}
}

// Signed with the right key and still nonsense: refused too.
func TestSignedNonsense(t *testing.T) {
	q, r := question(), reply()
	for name, at := range map[string]int{"magic": 3, "kind": 4, "side": 5, "padding": 7, "sent": 32, "age": 64, "holder": 96, "claim's padding": 97,
		"flags": 104, "role": 105, "reserved": 107, "ask's lease": 120, "claim's lease": 152} {
		body := AppendQuestion(nil, &q, key)[:QuestionSize]
		body[at] = 0xff
		if err := DecodeQuestion(key.Append(body, body), new(Question), key); !errors.Is(err, ErrMalformed) {
			t.Errorf("question, %s: %v", name, err)
		}
	}
	for name, at := range map[string]int{"kind": 4, "side": 5, "sent": 56, "holder": 88, "age": 128, "flags": 152, "role": 153, "state": 155, "padding": 175} {
		body := AppendReply(nil, &r, key)[:ReplySize]
		body[at] = 0xff
		if err := DecodeReply(key.Append(body, body), new(Reply), key); !errors.Is(err, ErrMalformed) {
			t.Errorf("reply, %s: %v", name, err)
		}
	}
}

// A flipped bit, another key, a reply in place of a question: nothing is believed.
func TestNothingForgedIsBelieved(t *testing.T) {
	q, r := question(), reply()
	good := AppendQuestion(nil, &q, key)
	for bit := range 8 * len(good) {
		bad := append([]byte(nil), good...)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := DecodeQuestion(bad, new(Question), key); err == nil {
			t.Errorf("bit %d flipped, and it is believed", bit)
		}
	}
	if err := DecodeQuestion(good, new(Question), auth.NewHMAC([]byte("other"))); !errors.Is(err, ErrForged) {
		t.Errorf("with another key: %v", err)
	}
	if err := DecodeQuestion(AppendReply(nil, &r, key), new(Question), key); !errors.Is(err, ErrMalformed) {
		t.Errorf("a reply as a question: %v", err)
	}
	if err := DecodeReply(good, new(Reply), key); !errors.Is(err, ErrMalformed) {
		t.Errorf("a question as a reply: %v", err)
	}
}

// FuzzQuestion: what is accepted says the same when it is written again.
func FuzzQuestion(f *testing.F) {
	q := question()
	f.Add(AppendQuestion(nil, &q, key)[:QuestionSize])
	f.Fuzz(func(t *testing.T, body []byte) {
		signed := key.Append(append([]byte(nil), body...), body)
		var q Question
		if DecodeQuestion(signed, &q, key) != nil {
			return
		}
		if again := AppendQuestion(nil, &q, key); string(again) != string(signed) {
			t.Errorf("%x is written again as %x", signed, again)
		}
	})
}

// FuzzReply is the same for replies.
func FuzzReply(f *testing.F) {
	r := reply()
	f.Add(AppendReply(nil, &r, key)[:ReplySize])
	f.Fuzz(func(t *testing.T, body []byte) {
		signed := key.Append(append([]byte(nil), body...), body)
		var r Reply
		if DecodeReply(signed, &r, key) != nil {
			return
		}
		if again := AppendReply(nil, &r, key); string(again) != string(signed) {
			t.Errorf("%x is written again as %x", signed, again)
		}
	})
}
