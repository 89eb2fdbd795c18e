package event

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
)

var update = flag.Bool("update", false, "write the stories' transcripts anew")

// TestStories plays the scripts in testdata: commands, a line "----", and the
// events that two vSockets make of them. No event may come out that Decode
// refuses, or that isn't as Encode wrote it.
//
//	boot SIDE [VERSION]   a new life of agent and maker; it has what the last one has left
//	remake SIDE           a new life of the maker alone
//	crash SIDE            no more readings
//	set SIDE KEY=VALUE…   role, ha, tunnel, pop, wan, lan, peer, unfit, generation; _ stands for a space
//	run DURATION          a reading each second
//	pause SIDE DURATION   none for this time
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(raw), "----\n")
			s := &story{t: t, sockets: map[site.Side]*socket{site.Primary: {}, site.Secondary: {}}}
			for line := range strings.Lines(script) {
				if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
					s.command(words)
				}
			}
			got := strings.Join(s.told, "")
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("another story (-update writes it):\n%s", got)
			}
		})
	}
}

// story is a pair and its time.
type story struct {
	t       *testing.T
	now     time.Duration
	sockets map[site.Side]*socket
	events  []Event
	told    []string
}

type socket struct {
	maker   *Maker // nil while it is down
	memory  Memory
	boots   int
	reading Reading
	deaf    bool
	until   time.Duration // of its pause
}

// midnight is when stories begin.
var midnight = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func (s *story) command(words []string) {
	if words[0] == "run" {
		d, err := time.ParseDuration(words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.run(d)
		return
	}
	side, err := site.ParseSide(words[1])
	if err != nil {
		s.t.Fatal(err)
	}
	k := s.sockets[side]
	switch words[0] {
	case "boot":
		s.boot(side, words[2:])
	case "remake":
		s.remake(side)
	case "crash":
		k.memory, k.maker = k.maker.Memory(), nil
	case "pause":
		d, err := time.ParseDuration(words[2])
		if err != nil {
			s.t.Fatal(err)
		}
		k.until = s.now + d
	case "set":
		for _, word := range words[2:] {
			s.set(k, word)
		}
		return
	default:
		s.t.Fatalf("unknown command %q", words)
	}
	s.told = append(s.told, fmt.Sprintf("%7.0f -         %s\n", s.now.Seconds(), strings.Join(words, " ")))
}

func (s *story) boot(side site.Side, version []string) {
	k := s.sockets[side]
	if k.boots == 0 {
		k.reading = Reading{Site: "paris", Side: side, Role: site.Standby, HA: &Readiness{OK: true}, Tunnel: &Tunnel{Up: true, PoP: "pop1"},
			WAN: Up, LAN: Up, Assigned: Assigned{PeerSerial: "S-" + side.Peer().String()}}
	}
	k.reading.Agent, k.reading.Version = site.BootID{byte(k.boots + 1)}, site.Release
	for _, text := range version {
		var err error
		if k.reading.Version, err = site.ParseVersion(text); err != nil {
			s.t.Fatal(err)
		}
	}
	s.remake(side)
}

func (s *story) remake(side site.Side) {
	k := s.sockets[side]
	if k.maker != nil {
		k.memory = k.maker.Memory()
	}
	k.boots++
	self := Self{Serial: "S-" + side.String(), Boot: fmt.Sprintf("boot%d", k.boots), WAN: "eth0", LAN: "eth1"}
	k.maker = New(self, Defaults(), k.memory)
}

func (s *story) set(k *socket, word string) {
	key, value, _ := strings.Cut(word, "=")
	value = strings.ReplaceAll(value, "_", " ")
	r := &k.reading
	switch key {
	case "role":
		if err := r.Role.UnmarshalText([]byte(value)); err != nil {
			s.t.Fatal(err)
		}
		if r.Role == site.Active {
			r.Term = max(s.sockets[site.Primary].reading.Term, s.sockets[site.Secondary].reading.Term) + 1
		}
	case "ha":
		r.HA = &Readiness{OK: value == "ready", Reason: value}
		if value == "none" {
			r.HA = nil
		}
	case "tunnel":
		r.Tunnel = &Tunnel{Up: value == "up", PoP: "pop1"}
		if value != "up" {
			r.Tunnel.Reason = value
		}
		if value == "none" {
			r.Tunnel = nil
		}
	case "pop":
		r.Tunnel.PoP = value
	case "wan":
		r.WAN = portOf(value)
	case "lan":
		r.LAN = portOf(value)
	case "peer":
		k.deaf, r.Peer.Seen = value != "heard", value == "seen"
	case "unfit":
		r.Peer.Reason = value
	case "generation":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		r.Generation = n
	default:
		s.t.Fatalf("unknown key %q", word)
	}
}

func portOf(text string) Port {
	return map[string]Port{"up": Up, "down": Down}[text]
}

// run reads the secondary half a second after the primary.
func (s *story) run(d time.Duration) {
	for end := s.now + d; s.now < end; s.now += time.Second {
		s.read(site.Primary, s.now)
		s.read(site.Secondary, s.now+500*time.Millisecond)
	}
}

func (s *story) read(side site.Side, at time.Duration) {
	k, other := s.sockets[side], s.sockets[side.Peer()]
	if k.maker == nil || at < k.until {
		return
	}
	r := k.reading
	r.Peer.Heard, r.Peer.Role = other.maker != nil && !k.deaf, other.reading.Role
	for _, e := range k.maker.Step(Now{At: time.Hour + at, Wall: midnight.Add(at)}, r) {
		s.tell(e)
	}
}

func (s *story) tell(e Event) {
	text, err := Encode(e)
	if err != nil {
		s.t.Errorf("%v", err)
	}
	if again, err := Decode(text); err != nil || !equal(again, e) {
		s.t.Errorf("%+v becomes %+v (%v)", e, again, err)
	}
	line := fmt.Sprintf("%7.1f %-9s %s: %s", e.Time.Sub(midnight).Seconds(), e.Role, e.Kind.Describe().SubType, e.Message)
	if e.Reason != "" && !strings.HasSuffix(e.Message, e.Reason) {
		line += " (" + e.Reason + ")"
	}
	line += fmt.Sprintf(" [since %.1f", e.Since.Sub(midnight).Seconds())
	for _, more := range []string{e.Timeline, e.Interface} {
		if more != "" {
			line += ", " + more
		}
	}
	for _, earlier := range s.events {
		if Same(earlier, e) {
			line += ", the same as " + earlier.ID.String()
		}
	}
	s.events = append(s.events, e)
	s.told = append(s.told, line+"]\n")
}
