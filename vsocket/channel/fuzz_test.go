package channel

import (
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/vsocket/spool"
)

// FuzzHear: whatever a manager says, the vSocket lives on, and the settings that
// it goes by are those on its disk.
func FuzzHear(f *testing.F) {
	for _, m := range []*contract.Down{
		{}, {Message: &contract.Down_Welcome{}}, {Message: &contract.Down_Heartbeat{}}, {Message: &contract.Down_Settings{}},
		{Message: &contract.Down_Settings{Settings: &contract.Settings{Generation: 7, Site: "x", Ha: &contract.HA{FloatingIp: "10.0.0.9"}}}},
		{Message: &contract.Down_AckEvents{AckEvents: &contract.AckEvents{Batch: 1, Refused: 9}}},
		{Message: &contract.Down_Live{Live: &contract.Live{EveryMs: 1}}},
		{Message: &contract.Down_GoAway{GoAway: &contract.GoAway{SpreadMs: 1 << 31}}},
	} {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &contract.Down{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		folder := power.New()
		kept, err := spool.Open(folder, spool.Options{Boot: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kept.Append(spool.HA, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		send := func(*contract.Up) error { return nil }
		d := device{&Channel{c: Config{Folder: folder, Spool: kept, Log: slog.New(slog.DiscardHandler)}, apply: make(chan struct{}, 1)}}
		d.Begin(t.Context(), func(func(line.Send) error) bool { return false })
		if err := d.upload(send); err != nil {
			t.Fatal(err)
		}
		_ = d.Hear(m, send)
		d.Over(nil)
		onDisk, err := LoadSettings(folder)
		if err != nil || !proto.Equal(onDisk, d.Settings()) {
			t.Fatalf("goes by %v, with %v on the disk (%v)", d.Settings(), onDisk, err)
		}
		if acknowledged := m.GetAckEvents().GetBatch() == 1; kept.Stats().Total() > 0 == acknowledged {
			t.Fatalf("%d events after %v", kept.Stats().Total(), m)
		}
	})
}

// FuzzSettings: what is read from the disk is written again as it was, in meaning.
func FuzzSettings(f *testing.F) {
	folder := power.New()
	if err := SaveSettings(folder, &contract.Settings{Generation: 7, Site: "x"}); err != nil {
		f.Fatal(err)
	}
	raw, err := folder.Read(settingsFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := decodeSettings(raw)
		if err != nil {
			return
		}
		folder := power.New()
		if err := SaveSettings(folder, s); err != nil {
			t.Fatal(err)
		}
		if again, err := LoadSettings(folder); err != nil || !proto.Equal(s, again) {
			t.Fatalf("%v is read as %v, %v", s, again, err)
		}
	})
}
