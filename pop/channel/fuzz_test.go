package channel

import (
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/disk/power"
)

// FuzzHear: whatever a manager says, the PoP lives on; the settings that it goes by
// are those on its disk, and it says which they are.
func FuzzHear(f *testing.F) {
	for _, m := range []*contract.Down{
		{}, {Message: &contract.Down_Heartbeat{}}, {Message: &contract.Down_PopSettings{}}, {Message: &contract.Down_Settings{}},
		{Message: &contract.Down_PopSettings{PopSettings: &contract.PoPSettings{Generation: 7, Name: "x", Sites: []*contract.PoPSite{{}}}}},
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
		c := &Channel{c: Config{Folder: folder, Log: slog.New(slog.DiscardHandler)}, fresh: make(chan struct{}, 1)}
		said := uint64(0)
		err := c.Hear(m, func(up *contract.Up) error {
			said = up.GetApplied().GetDelivered()
			return nil
		})
		onDisk, readErr := decode(folder.Read(settingsFile))
		if readErr != nil || !proto.Equal(onDisk, c.settings) {
			t.Fatalf("goes by %v, with %v on the disk (%v)", c.settings, onDisk, readErr)
		}
		if said != onDisk.GetGeneration() || err != nil && onDisk != nil {
			t.Fatalf("says %d of %v, %v", said, onDisk, err)
		}
	})
}
