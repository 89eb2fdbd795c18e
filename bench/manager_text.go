package main

import (
	"fmt"
	"time"

	contract "releve.dev/releve/channel"
)

func kilobytes(bytes float64) string { return fmt.Sprintf("%.0f KB", bytes/(1<<10)) }
func millis(seconds float64) string  { return fmt.Sprintf("%.1f ms", seconds*1e3) }
func both(t trips) string            { return millis(t.Median) + " / " + millis(t.P99) }
func ratio(of, to float64) string    { return fmt.Sprintf("%.2f", of/to) }

// coming says how long all took to connect.
func coming(b comeback) string {
	if b.All == 0 {
		return fmt.Sprintf("%d of them within %s", b.Back, backWithin)
	}
	return fmt.Sprintf("%.1f s / %.1f s / %.1f s", b.First, b.Half, b.All)
}

// text is the section.
func (f *managerFigures) text(began string) (string, error) {
	m, b := f.manager, f.bare
	row := func(name string, of func(*served) float64, show func(float64) string) []string {
		return []string{name, show(of(b)), show(of(m)), ratio(of(m), of(b))}
	}
	core := func(part float64) string { return fmt.Sprintf("%.2f %%", 100*part) }
	pace := func(every time.Duration) func(*served) float64 {
		return func(s *served) float64 { return s.perThousand(every) }
	}
	return fmt.Sprintf(`A releve-manager and %d vSockets of %d sites: the product's own channels, in a process of their own, with their disks in memory and
without agents, from %d addresses of the loopback, each with its own TLS 1.3 connection, HTTP/2, Connect session and certificate. The
certificates are the manager's authority's: keys were redeemed and requests signed by the manager's own functions, before it started, and not
over the network, whose enrolments are limited. Both ends, and what measures, share this machine's cores. Load average at the start: %s.

### Against a bare Connect stream server

The same contract, TLS, web server and messages, and nothing done with them, in the same run, in turns (%d of %s for each figure); the
other's vSockets are connected meanwhile and say each %s that they are there. A report is the whole status, some %d bytes, and differs from
the one before; %.0f messages a second came at one each %s. Memory is what the collector leaves of heap and stacks, and what the kernel counts (RSS without files; on
average over the turns, and once all were connected), less what there was with nobody connected. The unit of CPU is one core. The target is at most
1.6 times the bare server's memory and CPU.

`, f.size.vsockets, f.size.sites(), sources, began, f.size.turns, f.size.turn, contract.HeartbeatEvery, reportBytes(), f.rate, often) +
		table([]string{"", "bare server", "releve-manager", "ratio"}, [][]string{
			row("memory a connection, after a collection", (*served).liveEach, kilobytes),
			row("memory a connection, RSS without files", (*served).residentEach, kilobytes),
			row("the same once connected", (*served).connectedEach, kilobytes),
			row(fmt.Sprintf("CPU for 1,000, a report each %s", often), pace(often), core),
			row(fmt.Sprintf("CPU for 1,000, a report each %s", seldom), pace(seldom), core),
			row(fmt.Sprintf("CPU to connect all, within %s", m.spread), func(s *served) float64 { return s.cost }, func(s float64) string { return fmt.Sprintf("%.1f s", s) }),
		}) + f.usage(), nil
}

// reportBytes is the size of a report.
func reportBytes() int {
	v := &vsocket{status: statusOfOne(1, "site1234")}
	return len(v.next())
}

// usage is the rest: what people and vSockets wait for.
func (f *managerFigures) usage() string {
	r := &f.pair
	rows := [][]string{}
	for i, q := range questions(&estate{}) {
		rows = append(rows, []string{q.name, both(f.rest[i]), both(f.busy[i]), both(r.busy[i])})
	}
	return fmt.Sprintf(`
### What waits for it

With %d events kept. On SQLite first: with nobody connected, then with all, which report each %s. Then two managers on one PostgreSQL, into which
`+"`releve-manager db copy`"+` brought it all in %.0f s: all primaries at the first manager, all secondaries at the second, a report each %s. Each page
has 50 items, from the newest or from anywhere, %d of each kind, in turns, one after the other over HTTPS, at the first manager: median / p99.
The target is a p99 of 20 ms for a page of events.

`, f.size.events, often, r.copied.Seconds(), often, f.size.times) +
		table([]string{"page", "SQLite, at rest", "SQLite, all connected", "PostgreSQL, 2 managers"}, rows) + fmt.Sprintf(`
A change of a site's settings, from `+"`PATCH /sites/{id}`"+` at the first manager on, %d of them, one after the other: until a vSocket has it on its disk (in
memory, here) and has acted on it, and until the API shows that both have. A vSocket here has no agent: it acts at once. Median / p99; the target is
a p99 of 200 ms.

`, f.change.all) +
		table([]string{"", "SQLite", "PostgreSQL, 2 managers"}, [][]string{
			{"at a vSocket of the same manager", both(f.change.had[0]), both(r.change.had[0])},
			{"at a vSocket of the other manager", "", r.change.across()},
			{"shown by the API", f.change.seen(), r.change.seen()},
		}) + `
A manager killed (SIGKILL) and started again at once: how long it takes until the first vSocket, half of them and all have a session again. They
draw the time until each try, up to a bound that doubles from a second to a minute; both ends' handshakes are computed by this machine.

` +
		table([]string{"", "SQLite", "PostgreSQL, the second of 2 managers"}, [][]string{
			{"vSockets", fmt.Sprint(f.size.vsockets), fmt.Sprint(f.size.sites())},
			{"first / half / all back", coming(f.back), coming(r.back)},
			{"CPU of the new manager until then", fmt.Sprintf("%.1f s", f.backCost), fmt.Sprintf("%.1f s", r.backCost)},
			{"CPU for 1,000, a report each " + often.String(), fmt.Sprintf("%.2f %%", 100*f.manager.perThousand(often)),
				fmt.Sprintf("%.2f and %.2f %%", 100*r.managers[0].perThousand(often), 100*r.managers[1].perThousand(often))},
			{"memory a connection, after a collection", kilobytes(f.manager.liveEach()),
				kilobytes(r.managers[0].liveEach()) + " and " + kilobytes(r.managers[1].liveEach())},
		})
}

// across is what a change took to the other manager's vSockets.
func (c changed) across() string {
	if c.late >= mostLate {
		return "not within " + changeWithin.String()
	}
	return both(c.had[1])
}

func (c changed) seen() string {
	if c.late > 0 {
		return fmt.Sprintf("%s; %d of %d not within %s", both(c.shown), c.late, c.all, changeWithin)
	}
	return both(c.shown)
}
