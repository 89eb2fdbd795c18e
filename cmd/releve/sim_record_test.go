package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/record"
)

// deaf is a vSocket of which nothing comes out but its record.
type deaf struct{ record []byte }

func (d *deaf) Record(chunk []byte, _ bool) bool { d.record = append(d.record, chunk...); return true }
func (*deaf) Send(keepalive.Path, []byte)        {}
func (*deaf) Serve(time.Duration) error          { return nil }
func (*deaf) Drain(time.Duration) error          { return nil }
func (*deaf) Down(bool) error                    { return nil }
func (*deaf) FloatingIP(bool) error              { return nil }
func (*deaf) Addresses([]netip.Addr) error       { return nil }
func (*deaf) Load() ([]byte, bool, error)        { return nil, false, nil }
func (*deaf) Save([]byte) error                  { return nil }
func (*deaf) Append(site.Entry)                  {}
func (*deaf) Start()                             {}

type deafCloud struct{}

func (deafCloud) Start(steer.Request) {}

// deafRecord is of a vSocket that starts, waits in vain, and is stopped.
func deafRecord(t *testing.T) []byte {
	d := &deaf{}
	cfg := agent.Config{Site: "north", HA: ha.Config{Side: site.Secondary, Version: site.Release, Third: keepalive.ARM,
		Keepalive: 50 * time.Millisecond, Silent: 200 * time.Millisecond, Lease: 200 * time.Millisecond},
		Fitness: fitness.Config{Failures: 4, Recovery: 8, Version: site.Release}}
	now := time.Hour
	driver, err := agent.NewDriver(cfg, agent.Ports{Links: d, Gate: d, Guest: d, Cloud: deafCloud{}, Metadata: d, Store: d, Journal: d, Recorder: d,
		MAC: auth.NewChecksum(nil), Wall: func() time.Time { return time.Unix(1e9, 0).Add(now) }}, site.BootID{1}, 2, now)
	if err != nil {
		t.Fatal(err)
	}
	driver.Start(now)
	for range 100 {
		now = max(now, driver.Next())
		driver.Tick(now, 0)
	}
	driver.Stop(now)
	driver.Close()
	return d.record
}

func replayFile(t *testing.T, content []byte) (string, error) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	command := simReplayCommand()
	command.SetOut(&out)
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetArgs([]string{path})
	err := command.Execute()
	return out.String(), err
}

// A record is told from a schedule by what is in it, and tells the story.
func TestSimReplayTellsARecord(t *testing.T) {
	whole := deafRecord(t)
	got, err := replayFile(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2001-09-09 (UTC)\n02:46:40.000  replay     record of secondary     site north, version 14.0, boot 0100000000000000, from its start\n",
		"\n02:46:40.000  secondary  started ", "\n02:46:40.200  secondary  peer silent             never heard since the start\n",
		"\nthe same ", " decisions: ", "\nparts=1 inputs=102 missing=0 unread=0\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got, err := replayFile(t, whole[:len(whole)-1]); err != nil || !strings.Contains(got, " missing=1 ") {
		t.Errorf("torn: %v\n%s", err, got)
	}
	if got, err := replayFile(t, []byte("seed=1 keepalive=")); err == nil || !strings.Contains(err.Error(), "schedule") {
		t.Errorf("a schedule: %v\n%s", err, got)
	}
}

// Another story than the recorded one is a failure, and says where.
func TestSimReplayFailsOnADifference(t *testing.T) {
	got, err := replayFile(t, otherwise(t, deafRecord(t), "never heard since"))
	want := "\nthe first difference, at 2001-09-09 02:46:40.200: then: peer silent (another); now: peer silent (never heard since the start)\n"
	if err == nil || !strings.Contains(got, want) {
		t.Errorf("%v\n%s", err, got)
	}
}

// otherwise writes a record anew in which a text was another.
func otherwise(t *testing.T, data []byte, text string) []byte {
	var rows record.Rows
	var out []byte
	var row record.Row
	found := false
	for r := record.NewReader(data); r.Next(&row); {
		if row.Kind == record.Note && strings.Contains(row.Detail+row.What, text) {
			row.Detail, found = "another", true
		}
		out = rows.Append(out, &row)
	}
	if !found {
		t.Fatalf("no note has %q", text)
	}
	return record.AppendChunk(nil, 0, out)
}
