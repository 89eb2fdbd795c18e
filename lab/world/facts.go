package world

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/site"
)

// Begin marks where a measurement starts: traffic and moves before it don't count.
func (w *World) Begin() {
	w.probe.Begin()
	w.still.begin()
	dropped := w.dropped()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun, w.overload = clock.Now(), dropped
	w.history, w.entries = nil, nil
}

// Begun is when the measurement began.
func (w *World) Begun() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.begun
}

// Finish ends the traffic and gathers what was measured since Begin.
func (w *World) Finish() *report.Facts {
	w.probe.Finish()
	w.mu.Lock()
	w.finished = true
	m := Mark{at: w.begun, dropped: w.overload, up: w.probe.Begun(probe.Up), down: w.probe.Begun(probe.Down)}
	w.mu.Unlock() // the emulator holds its own lock when it notes something here
	f := w.Since(m)
	w.finishSessions(f)
	return f
}

// Mark is a moment of a measurement, to look at what came after it alone.
type Mark struct {
	at       time.Duration
	dropped  uint64
	up, down uint64 // packets sent before
}

// At is the moment.
func (m Mark) At() time.Duration { return m.at }

// Mark marks this moment.
func (w *World) Mark() Mark {
	w.still.begin()
	return Mark{at: clock.Now(), dropped: w.dropped(), up: w.probe.Next(probe.Up), down: w.probe.Next(probe.Down)}
}

// Since gathers what was measured since a mark. The traffic may go on: what is
// still under way isn't counted.
func (w *World) Since(m Mark) *report.Facts {
	end, dropped := clock.Now(), w.dropped()
	f := &report.Facts{Zero: m.at, Overload: dropped - m.dropped}
	healed := end
	w.mu.Lock()
	for _, fault := range w.history {
		if fault.At >= m.at {
			f.Faults = append(f.Faults, fault)
		}
		if fault.At >= m.at && fault.Heal {
			healed = min(healed, fault.At)
		}
	}
	w.mu.Unlock()
	for _, e := range w.Entries() {
		if e.At >= m.at {
			f.Entries = append(f.Entries, e)
		}
	}
	f.Still = beyond(max(w.still.longest(), longestPause(f)), w.haSettings(site.Secondary).Silent/2)
	if f.Overload > 0 {
		w.log.Warn("the lab itself dropped packets", "where", w.overloads())
	}
	if len(f.Faults) > 0 {
		f.Zero = f.Faults[0].At
	}
	f.Outages, f.Counts = map[probe.Direction][]probe.Outage{}, map[probe.Direction]probe.Count{}
	for d, from := range map[probe.Direction]uint64{probe.Up: m.up, probe.Down: m.down} {
		f.Outages[d], f.Counts[d] = w.probe.OutagesSince(d, from), w.probe.CountSince(d, from)
	}
	f.Calls = w.calls(m.at)
	f.Moves, f.Failbacks = w.fip.moves(m.at, healed), w.fip.moves(healed, end)
	return f
}

func (w *World) probeDone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finished
}

// dropped counts packets that the lab itself couldn't carry.
func (w *World) dropped() uint64 { return w.fabric.Stats().Overload }

// overloads says where and why, since the lab came up.
func (w *World) overloads() string {
	var list []string
	for _, n := range w.fabric.Stats().NICs {
		for reason, count := range n.Dropped {
			if strings.HasPrefix(reason, "overload-") {
				list = append(list, fmt.Sprintf("%s %s %d", report.Resource(n.Name), reason, count))
			}
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// calls are those that the emulator logged since a moment.
func (w *World) calls(since time.Duration) []report.ARMCall {
	var list []report.ARMCall
	for _, c := range w.azure.Calls() {
		if c.At < since {
			continue
		}
		path := c.Path
		if c.Query != "" {
			path += "?" + c.Query
		}
		list = append(list, report.ARMCall{At: c.At, Duration: c.Duration, Who: Caller(c.Who), Method: c.Method,
			Path: path, Status: c.Status, ETag: c.ETag, Code: c.Code})
	}
	return list
}

// Caller is the node of who called ARM, by the emulator's name for it.
func Caller(who string) string {
	name := who[strings.LastIndexByte(who, '/')+1:]
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		if strings.EqualFold(name, azuresite.VM(side)) {
			return side.String()
		}
	}
	return name
}

// Entries is the timeline since Begin: both journals, Azure's data plane and
// the lab's own acts, in order.
func (w *World) Entries() []site.Entry {
	w.mu.Lock()
	begun, entries, written := w.begun, slices.Clone(w.entries), slices.Clone(w.gone)
	w.mu.Unlock()
	for _, node := range vsockets {
		written = append(written, w.Journal(node)...)
	}
	for _, e := range written {
		if e.At >= begun {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b site.Entry) int { return cmp.Compare(a.At, b.At) })
	return entries
}
