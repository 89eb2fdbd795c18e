package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ways in the order of the columns; the last two are compared.
var ways = []string{plainWay, bareWay, cloudWay}

// How often and how long each figure is measured on each way, in turns. Short
// turns, and many, as other load on the machine comes and goes.
const (
	flowRounds = 60
	flowFor    = 400 * time.Millisecond
	tripRounds = 15
	tripsFor   = time.Second
	tripEvery  = time.Millisecond
	restFor    = 3 * time.Second
)

// figure is a row: a value for each way and round.
type figure struct {
	name   string
	values map[string][]float64
	show   func(float64) string
	less   bool // the difference counts, and not the ratio
}

// throughCloud compares the three ways, in turns so that other load on the machine
// hits all alike.
func throughCloud() (text string, err error) {
	actors := map[string]*actor{}
	defer func() {
		for _, a := range actors {
			err = errors.Join(err, a.end())
		}
	}()
	for _, kind := range ways {
		if actors[kind], err = act("way", kind); err != nil {
			delete(actors, kind)
			return "", err
		}
	}
	began, rest := load(), map[string]float64{}
	for kind, a := range actors {
		rest[kind] = a.atRest()
	}
	var all []*figure
	for _, o := range []struct {
		name string
		order
	}{
		{"TCP, 1 stream", order{Do: "open", Streams: 1}},
		{"TCP, 16 streams", order{Do: "open", Streams: 16}},
		{"TCP, 1 stream back", order{Do: "open", Streams: 1, Back: true}},
	} {
		rate, cpu := newFigure(o.name, gigabits), newFigure("CPU of it", perGigabyte)
		if err := turns(actors, 1, func(_ string, a *actor) error { return a.tell(o.order, nil) }); err != nil {
			return "", err
		}
		if err := turns(actors, flowRounds, func(kind string, a *actor) error { return tcpOnce(a, kind, rest[kind], rate, cpu) }); err != nil {
			return "", err
		}
		if err := turns(actors, 1, func(_ string, a *actor) error { return a.tell(order{Do: "shut"}, nil) }); err != nil {
			return "", err
		}
		all = append(all, rate, cpu)
	}
	var closed int
	if err := actors[cloudWay].tell(order{Do: "closed"}, &closed); err != nil {
		return "", err
	}
	median, p99 := newFigure("round trip, median", micros), newFigure("round trip, p99", micros)
	median.less, p99.less = true, true
	if err := turns(actors, tripRounds, func(kind string, a *actor) error {
		var t trips
		if err := a.tell(order{Do: "trips", For: tripsFor, Every: tripEvery}, &t); err != nil {
			return err
		}
		median.add(kind, t.Median)
		p99.add(kind, t.P99)
		return nil
	}); err != nil {
		return "", err
	}
	return throughText(began, closed, append(all, median, p99)), nil
}

// turns measures one way after the other, each round beginning with the next.
func turns(actors map[string]*actor, rounds int, once func(string, *actor) error) error {
	for i := range rounds {
		for j := range ways {
			kind := ways[(i+j)%len(ways)]
			if err := once(kind, actors[kind]); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	return nil
}

// atRest is the CPU a second that a way takes without traffic.
func (a *actor) atRest() float64 {
	pids := descendants(a.cmd.Process.Pid)
	before, began := spent(pids), time.Now()
	<-time.After(restFor)
	return (spent(pids) - before) / time.Since(began).Seconds()
}

func tcpOnce(a *actor, kind string, rest float64, rate, cpu *figure) error {
	pids := descendants(a.cmd.Process.Pid)
	before, began := spent(pids), time.Now()
	var f flow
	if err := a.tell(order{Do: "tcp", For: flowFor}, &f); err != nil {
		return err
	}
	rate.add(kind, f.Rate)
	cpu.add(kind, (spent(pids)-before-rest*time.Since(began).Seconds())/f.Bytes)
	return nil
}

func spent(pids map[int]string) (seconds float64) {
	for pid := range pids {
		seconds += cpuSeconds(pid)
	}
	return seconds
}

func newFigure(name string, show func(float64) string) *figure {
	return &figure{name: name, values: map[string][]float64{}, show: show}
}

func (f *figure) add(kind string, value float64) { f.values[kind] = append(f.values[kind], value) }

func gigabits(bytes float64) string      { return fmt.Sprintf("%.2f Gbit/s", bytes*8/1e9) }
func perGigabyte(perByte float64) string { return fmt.Sprintf("%.1f s/GB", perByte*1e9) }
func micros(seconds float64) string      { return fmt.Sprintf("%.0f µs", seconds*1e6) }

// against compares Relève with the bare tunnel: the median over the rounds, and
// the quartiles.
func (f *figure) against() string {
	var each []float64
	for i, cloud := range f.values[cloudWay] {
		if bare := f.values[bareWay][i]; f.less {
			each = append(each, cloud-bare)
		} else {
			each = append(each, cloud/bare)
		}
	}
	show := func(v float64) string {
		if f.less {
			return fmt.Sprintf("%+.0f", v*1e6)
		}
		return fmt.Sprintf("%.1f", 100*v)
	}
	unit := map[bool]string{true: "µs", false: "%"}[f.less]
	return fmt.Sprintf("%s %s (%s … %s)", show(quantile(each, 0.5)), unit, show(quantile(each, 0.25)), show(quantile(each, 0.75)))
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func throughText(began string, closed int, all []*figure) string {
	var rows [][]string
	for _, f := range all {
		row := []string{f.name}
		for _, kind := range ways {
			row = append(row, f.show(quantile(f.values[kind], 0.5)))
		}
		rows = append(rows, append(row, f.against()))
	}
	var out strings.Builder
	fmt.Fprintf(&out, `From vm1 to the Internet host: by a vSocket alone (two hops of the lab's fabric), by a bare WireGuard tunnel with a masquerade at its
far end, and by vSocket and PoP (both three hops); in turns, median: throughput of connections that stay open in %d rounds of %s, round
trips in %d of %s. Both ends of the tunnel are wireguard-go, and share the machine's cores with the lab. CPU is that of all the lab's
processes, less what they take at rest. The comparison is made round by round: median, and the quartiles.
The target is 95 %% of the bare tunnel's throughput, and at most 100 µs added to the median. Load average: %s.
The active's gate closed %d times while the connections were at full speed: its witness answers inside the tunnel that they fill.

`, flowRounds, flowFor, tripRounds, tripsFor, began, closed)
	out.WriteString(table([]string{"", "vSocket alone", "bare tunnel", "Relève", "Relève against the bare tunnel"}, rows))
	return out.String()
}
