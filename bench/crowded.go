package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// crowdSites is how many sites a PoP is measured with; each has two vSockets.
const crowdSites = 2000

// parts of a PoP: its processes, by what is in their command lines.
var parts = []struct{ name, mark string }{
	{"releve-pop", "releve-pop run "},
	{"its device for primaries", " device rlv-p "},
	{"its device for secondaries", " device rlv-s "},
}

// usage is what the parts have used.
type usage struct{ cpu, memory [3]float64 }

func (u usage) total() (cpu float64) { return u.cpu[0] + u.cpu[1] + u.cpu[2] }

// used looks at the PoP below an actor.
func (a *actor) used() (u usage, err error) {
	for pid, line := range descendants(a.cmd.Process.Pid) {
		for i := range parts {
			if strings.Contains(line, parts[i].mark) {
				u.cpu[i], u.memory[i] = cpuSeconds(pid), rss(pid)
			}
		}
	}
	for i := range parts {
		if u.memory[i] == 0 {
			return u, fmt.Errorf("%s doesn't run", parts[i].name)
		}
	}
	return u, nil
}

// asked is what questions at a pace have cost.
type asked struct {
	asking
	usage // CPU since the questions began, memory at their end
}

// askAll lets the crowd ask.
func (a *actor) askAll(every, span time.Duration) (r asked, err error) {
	before, err := a.used()
	if err != nil {
		return r, err
	}
	if err = a.tell(order{Do: "ask", Every: every, Retry: every, For: span}, &r.asking); err != nil {
		return r, err
	}
	r.usage, err = a.used()
	for i := range r.cpu {
		r.cpu[i] -= before.cpu[i]
	}
	return r, err
}

const gently = 8 * time.Second

// opened is a crowd that the witness knows.
func opened(sites int, local bool) (*actor, error) {
	a, err := act("crowd")
	if err != nil {
		return nil, err
	}
	if err = a.tell(order{Do: "open", Sites: sites, Local: local}, nil); err == nil {
		// One after the other: sites aren't installed in one second.
		err = a.tell(order{Do: "ask", Every: gently, Retry: gently, For: gently}, nil)
	}
	if err != nil {
		return nil, errors.Join(err, a.end())
	}
	return a, nil
}

const crowdFor = 30 * time.Second

// crowdedPoP is a PoP with many sites, whose vSockets say hello once a second.
func crowdedPoP() (text string, err error) {
	began := load()
	a, err := opened(crowdSites, false)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.end()) }()
	r, err := a.askAll(time.Second, crowdFor)
	if err != nil {
		return "", err
	}
	var back comeback
	if err := a.tell(order{Do: "restart", Every: time.Second, Retry: retryPace}, &back); err != nil {
		return "", err
	}
	anew, err := a.used()
	if err != nil {
		return "", err
	}
	var rows [][]string
	for i := range parts {
		rows = append(rows, []string{parts[i].name, fmt.Sprintf("%.1f %%", 100*r.cpu[i]/(r.For+1)), megabytes(r.memory[i])})
	}
	return fmt.Sprintf(`One PoP and %d vSockets of %d sites, each with a WireGuard of its own (wireguard-go, all in one process beside it), ask the
witness once a second each for %s. The unit of CPU is one core. Of %d questions %d had no answer; an answer took %s
(median) and %s (p99), with the time that the crowd's process takes for both. Load average: %s.

`, 2*crowdSites, crowdSites, crowdFor, r.Asked, r.Asked-r.Answered, micros(r.Median), micros(r.P99), began) +
		table([]string{"process", "CPU", "memory (RSS)"}, rows) + fmt.Sprintf(`
Killed (SIGKILL) and started again at once (starts: %d), the new witness accepts the first vSocket after %s, half of them after %s,
all after %s; in the end %d of %d were back. A vSocket without an answer asks each %s, and renews its session at the
product's pace; all handshakes, both ends of each, are computed by this machine. Of its CPU in that time the new PoP's three processes had
%.1f s, the crowd most of the rest.
`, back.Starts, after(back.First), after(back.Half), after(back.All), back.Back, 2*crowdSites, retryPace, anew.total()), nil
}

func after(seconds float64) string {
	if seconds == 0 {
		return "more than " + patience.String()
	}
	return fmt.Sprintf("%.1f s", seconds)
}

// retryPace is how often a vSocket asks a witness that has been gone for 5 s
// (core/ha); before, it asks each 50 ms, which so many at once are beyond.
const retryPace = 250 * time.Millisecond
