package witness

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	core "releve.dev/releve/core/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/slots"
	wire "releve.dev/releve/wire/witness"
)

// R10: half a record, an empty one or another program's is none. It must not pass
// for that of a site that nobody has ever claimed.
func TestOthersRecordIsLostR10(t *testing.T) {
	for _, raw := range []string{"", "null", "{}", `{"claim":{}}`, `{"claim":null,"prev":null}`, `{"granted":{"Term":4}}`} {
		dir := filepath.Join(t.TempDir(), "records")
		file, err := slots.Open(filepath.Join(dir, "7"))
		if err == nil {
			err = file.Save([]byte(raw))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, record, lost, err := (&store{dir: dir}).open(7); err != nil || !lost || record != nil {
			t.Errorf("%s is taken for %+v (%v)", raw, record, err)
		}
	}
}

// A site that is new has a record from then on, so it can be told from one that has
// lost it.
func TestANewSiteIsNotALostOne(t *testing.T) {
	s := &store{dir: made(t, filepath.Join(t.TempDir(), "records"))}
	if _, record, lost, err := s.open(7); err != nil || lost || record != nil {
		t.Fatalf("new: %+v, lost %v, %v", record, lost, err)
	}
	if _, record, lost, err := s.open(7); err != nil || lost || record == nil || *record != (core.Record{}) {
		t.Fatalf("opened again: %+v, lost %v, %v", record, lost, err)
	}
}

// FuzzDecode: what is accepted encodes to the same bytes again, and a witness can
// live with it.
func FuzzDecode(f *testing.F) {
	f.Add(encode(core.Record{}))
	f.Add(encode(core.Record{Prev: site.Secondary, Claim: site.Claim{Term: 7, Holder: site.Primary, Boot: site.BootID{1}, Generation: 3}}))
	f.Add([]byte(`{"claim":{"Term":1,"Holder":3},"prev":9}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		record, ok := decode(raw)
		if !ok {
			return
		}
		if !bytes.Equal(encode(*record), raw) {
			t.Fatalf("%s is taken for %+v", raw, record)
		}
		w := core.New(7, 1, record, false, 0)
		w.Start(0)
		q := wire.Question{Site: 7, From: site.Secondary, Boot: site.BootID{1}, Run: 1}
		for range 3 {
			q.Seq++
			q.Claim = wire.Claim{From: record.Claim.Term, Nonce: 1, Lease: time.Second}
			for _, action := range w.Hear(core.LeaseMax, &q) {
				if say, is := action.(core.Say); is {
					q.Nonce = say.Nonce
				}
			}
		}
		if got := w.Status(core.LeaseMax).Record.Claim; got.Term != record.Claim.Term+1 || got.Holder != site.Secondary {
			t.Errorf("after %s the next term is %s", record.Claim, got)
		}
	})
}
