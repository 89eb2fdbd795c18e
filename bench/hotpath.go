package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var hotPath = section{
	name:  "hotpath",
	title: "Azure's API on the hot path",
	about: "From the standby's decision to claim until it serves (`steer_ms`), with `releve lab run crash --azure instant --confirm 0s`, where " +
		"an operation takes Azure a few milliseconds. *In the emulator*: while at least one of the standby's calls was being answered. " +
		"*Beyond*: the rest, which is ours: the core, the client, TLS, the way through the fabric, and the time from an " +
		"operation's end to the read that notices it.",
	measure: func(ctx context.Context, r *rig) (table, error) {
		const runs = 5
		t := table{head: []string{"run", "decision to serving", "calls", "in the emulator", "beyond"}}
		plays, _, err := r.plays(ctx, runs, "crash", "--azure", "instant", "--confirm", "0s")
		if err != nil {
			return t, err
		}
		for i, play := range plays {
			if play.DetectMS == nil || play.SteerMS == nil {
				return t, errors.New("a run says nothing of its steering")
			}
			inside, calls := play.within(*play.DetectMS, *play.DetectMS+*play.SteerMS)
			t.add(fmt.Sprint(i+1), millis(*play.SteerMS), fmt.Sprint(calls), millis(inside), millis(*play.SteerMS-inside))
		}
		return t, nil
	},
}

// taker is who takes over when the primary crashes; azure is who the timeline
// says answered a call.
const (
	taker = "secondary"
	azure = "azure"
)

// within adds up the time from begin to end in which the emulator was at one
// of the taker's calls; calls that overlap count once. The timeline has the
// calls' instants, the list of calls their lengths, both in one order.
func (l labRun) within(begin, end float64) (ms float64, calls int) {
	var lengths []float64
	for _, c := range l.ARMCalls {
		if c.Who == taker {
			lengths = append(lengths, c.MS)
		}
	}
	var spans [][2]float64
	n := 0
	for _, e := range l.Timeline {
		if e.Who != azure || !strings.HasPrefix(e.Detail, taker+": ") {
			continue
		}
		if n == len(lengths) {
			break
		}
		from, to := max(e.AtMS, begin), min(e.AtMS+lengths[n], end)
		n++
		if from < to {
			spans, calls = append(spans, [2]float64{from, to}), calls+1
		}
	}
	return union(spans), calls
}

// union is the length of what the spans cover together.
func union(spans [][2]float64) float64 {
	slices.SortFunc(spans, func(a, b [2]float64) int {
		if a[0] < b[0] {
			return -1
		}
		return 1
	})
	covered, reach := 0.0, 0.0
	for i, s := range spans {
		if i == 0 || s[0] > reach {
			reach = s[0]
		}
		if s[1] > reach {
			covered += s[1] - reach
			reach = s[1]
		}
	}
	return covered
}
