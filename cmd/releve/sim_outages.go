package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"releve.dev/releve/sim"
	"releve.dev/releve/site"
)

// outages are the longest times without forwarding, by the kind of the one fault
// that a seed has, where Azure answers at once or fast: what is left is ours.
type outages map[sim.Kind][]time.Duration

var deaths = []sim.Kind{sim.Crash, sim.Stop, sim.Reboot, sim.Wipe, sim.Off}

func (o outages) add(s *sim.Schedule, result *sim.Result) {
	if quick := s.Settings.Profile == "instant" || s.Settings.Profile == "fast"; !quick || len(s.Faults) != 1 {
		return
	}
	switch f := &s.Faults[0]; {
	case f.Side == site.NoSide && slices.Contains(deaths, f.Kind): // both at once
	default:
		o[f.Kind] = append(o[f.Kind], result.Stats.Outage)
	}
}

func (o outages) writeTo(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "fault\tseeds\tno outage\tp50\tp99\tworst\t")
	for _, kind := range slices.Sorted(maps.Keys(o)) {
		times := o[kind]
		slices.Sort(times)
		none := 0
		for none < len(times) && times[none] == 0 {
			none++
		}
		at := func(percent int) time.Duration { return times[(len(times)-1)*percent/100].Round(time.Millisecond) }
		fmt.Fprintf(table, "%s\t%d\t%d %%\t%v\t%v\t%v\t\n", kind, len(times), 100*none/len(times), at(50), at(99), at(100))
	}
	return table.Flush()
}
