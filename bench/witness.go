package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// fewSites is the crowd that a site's memory is told from.
const fewSites = 10

// costFigures are those of the witness, asked in one of two ways.
type costFigures struct {
	how       string
	perAsk    float64 // seconds of CPU
	parts     [3]float64
	most      float64 // questions a second
	perAskMax float64 // at the most
	siteBytes float64
}

// witnessCost asks the witness without the tunnel, and through it.
func witnessCost() (string, error) {
	began := load()
	var all []costFigures
	for _, local := range []bool{true, false} {
		f, err := costOf(local)
		if err != nil {
			return "", err
		}
		all = append(all, f)
	}
	return costText(began, all), nil
}

func costOf(local bool) (f costFigures, err error) {
	f.how = map[bool]string{true: "without a tunnel", false: "through WireGuard"}[local]
	few, err := memoryOf(fewSites, local)
	if err != nil {
		return f, err
	}
	a, err := opened(crowdSites, local)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	r, err := a.askAll(time.Second, 10*time.Second)
	if err != nil {
		return f, err
	}
	f.siteBytes = (r.memory[0] + r.memory[1] + r.memory[2] - few) / (crowdSites - fewSites)
	f.perAsk = r.total() / float64(r.Answered)
	for i := range f.parts {
		f.parts[i] = r.cpu[i] / float64(r.Answered)
	}
	return f, f.climb(a)
}

// memoryOf is what a PoP with some sites takes, all processes together.
func memoryOf(sites int, local bool) (bytes float64, err error) {
	a, err := opened(sites, local)
	if err != nil {
		return 0, err
	}
	r, err := a.askAll(time.Second, 5*time.Second)
	return r.memory[0] + r.memory[1] + r.memory[2], errors.Join(err, a.end())
}

// lossless: so few questions without an answer count as none.
const lossless = 1e-4

// climb asks faster and faster until questions are lost, or not even asked, twice
// at the same pace.
func (f *costFigures) climb(a *actor) error {
	every := time.Second
	for failed := 0; failed < 2 && every > 5*time.Millisecond; {
		r, err := a.askAll(every, 4*time.Second)
		if err != nil {
			return err
		}
		rate, wanted := float64(r.Answered)/r.For, 2*crowdSites/every.Seconds()
		if float64(r.Asked-r.Answered) > lossless*float64(r.Asked) || rate < 0.9*wanted {
			failed++
			continue
		}
		f.most, f.perAskMax = rate, r.total()/float64(r.Answered)
		failed, every = 0, every*8/10
	}
	if f.most == 0 {
		return fmt.Errorf("%s: %.0f questions a second are too many", f.how, 2*crowdSites/every.Seconds())
	}
	return nil
}

func costText(began string, all []costFigures) string {
	var rows, sites [][]string
	for _, f := range all {
		rows = append(rows, []string{f.how, micros(f.perAsk), fmt.Sprintf("%.0f + %.0f + %.0f µs", f.parts[0]*1e6, f.parts[1]*1e6, f.parts[2]*1e6),
			fmt.Sprintf("%.0f", f.most), micros(f.perAskMax), fmt.Sprintf("%.1f KB", f.siteBytes/1024)})
		row := []string{f.how}
		for _, interval := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second} {
			row = append(row, fmt.Sprintf("%.0f", 1/(f.perAskMax*(1/interval.Seconds()+1))))
		}
		sites = append(sites, row)
	}
	var out strings.Builder
	fmt.Fprintf(&out, `%d sites, a real PoP; its CPU (all its processes, user and system) a question and answer: over UDP on loopback in its namespace, and through
WireGuard by wireguard-go. Once a second from each vSocket first; then ever faster, until more than one question in 10,000 is lost or
the questions can't be asked any more: the askers, %d of them, and their WireGuards use the same machine. Memory of all the PoP's processes, from
the difference to a PoP with %d sites. Load average: %s.

`, crowdSites, 2*crowdSites, fewSites, began)
	out.WriteString(table([]string{"", "CPU a question", "releve-pop + primaries + secondaries", "most questions a second", "CPU a question then", "memory a site"}, rows))
	out.WriteString("\nSites that a core serves at that cost, with an active that asks each interval, and a standby that says hello once a second:\n\n")
	out.WriteString(table([]string{"", "50 ms", "200 ms", "1 s"}, sites))
	return out.String()
}
