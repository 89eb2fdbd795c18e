package line

import (
	"crypto/tls"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"releve.dev/releve/channel"
	"releve.dev/releve/disk/power"
)

// FuzzDecode: what is read from the disk is kept again as it was, in meaning; and a
// byte that is spoilt is found.
func FuzzDecode(f *testing.F) {
	folder := power.New()
	if err := Keep(folder, "x", &channel.PoPSettings{Generation: 7, Sites: []*channel.PoPSite{{Number: 1, Ranges: []string{"10.0.0.0/24"}}}}); err != nil {
		f.Fatal(err)
	}
	whole, err := folder.Read("x")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, again := &channel.PoPSettings{}, &channel.PoPSettings{}
		if Decode(raw, s) != nil {
			return
		}
		folder := power.New()
		if err := Keep(folder, "x", s); err != nil {
			t.Fatal(err)
		}
		kept, err := folder.Read("x")
		if err != nil || Decode(kept, again) != nil || !proto.Equal(s, again) {
			t.Fatalf("%v is read as %v, %v", s, again, err)
		}
		kept[len(kept)-1] ^= 1
		if Decode(kept, again) == nil {
			t.Fatalf("spoilt, and not found: %x", kept)
		}
	})
}

// FuzzRenewed: whatever a manager signs, the device stays who it is.
func FuzzRenewed(f *testing.F) {
	f.Add([]byte{1}, []byte{2})
	key, err := NewKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		l := &Line{c: Config{Folder: power.New(), Log: slog.New(slog.DiscardHandler)}, tickets: tls.NewLRUClientSessionCache(1),
			identity: &Identity{Serial: "RLV-1", NotAfter: time.Now().Add(time.Hour)}}
		s := &session{Line: l, renewal: key}
		if err := s.renewed(&channel.Renewed{Chain: [][]byte{first, second}}); err == nil || l.identity.Serial != "RLV-1" {
			t.Fatalf("it is %s now: %v", l.identity.Serial, err)
		}
	})
}
