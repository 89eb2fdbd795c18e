package steer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Paces of reading and writing route tables.
const (
	routePace = 30 * time.Second // a person's change is seen so soon
	routeSoon = 5 * time.Second  // after an answer that says nothing
	routePoll = time.Second      // while an update runs
	allowPace = 2 * time.Minute  // a permission that was refused is tried again
	linger    = 30 * time.Second // no table names an address for so long before it goes: packets are on their way
)

// maxTables bounds what is read for one site.
const maxTables = 50

// Entry is an entry of a route table that names a former floating IP.
type Entry struct {
	Table   string // resource id
	Route   string
	Prefix  string
	NextHop netip.Addr
}

func (e Entry) String() string {
	return fmt.Sprintf("%s (%s) in %s leads to %s", e.Route, e.Prefix, e.Table, e.NextHop)
}

// routes is what is known of the route tables while a former floating IP is in use.
type routes struct {
	begun   bool
	network query
	tables  []table
}

// query is a resource that is read again and again.
type query struct {
	id      uint64 // of the read in flight, 0 for none
	nextGet time.Duration
	first   time.Duration // when the first of the good reads in a row was sent, 0 for none
	sentAt  time.Duration // and the last one
	status  int           // of the last answer
	problem string        // why it can't be read
}

// table is a route table.
type table struct {
	query
	name    string // its resource id
	listed  bool   // by the settings
	state   string
	entries []entry       // that lead to one of the floating IPs, as last read
	clear   time.Duration // when the first of the reads in a row was sent that show none which leads to a former one
	shown   bool          // nothing was written since

	write   uint64 // in flight
	nextPut time.Duration
	refused string
	denied  string // why the identity may not
}

// decideRoutes reads the route tables and, where the identity may and rest says
// that the new floating IP is there to lead to, changes their entries.
func (m *Machine) decideRoutes(now time.Duration, rest bool) {
	r := &m.routes
	if !r.begun {
		r.begun = true
		for _, name := range m.cfg.Tables {
			r.add(name, true)
		}
	}
	m.ask(now, &r.network, Network, networkOf(m.cfg.SubnetID))
	for i := range r.tables {
		t := &r.tables[i]
		if rest {
			m.reroute(now, t)
		}
		if t.write == 0 {
			m.ask(now, &t.query, RouteTable, t.name)
		}
	}
}

// networkOf is the virtual network of a subnet.
func networkOf(subnet string) string {
	if i := strings.LastIndex(strings.ToLower(subnet), "/subnets/"); i >= 0 {
		return subnet[:i]
	}
	return subnet
}

func (r *routes) add(name string, listed bool) {
	if i := slices.IndexFunc(r.tables, func(t table) bool { return strings.EqualFold(t.name, name) }); i >= 0 {
		r.tables[i].listed = r.tables[i].listed || listed
		return
	}
	r.tables = append(r.tables, table{name: name, listed: listed})
}

// ask reads a resource if it is due.
func (m *Machine) ask(now time.Duration, q *query, target Target, name string) {
	switch {
	case q.id != 0: // each request is answered, in the end by its time-out
	case now < q.nextGet:
		m.change.wake = min(m.change.wake, q.nextGet)
	default:
		m.nextID++
		q.id = m.nextID
		m.do(Call{Request{ID: q.id, Op: Get, Target: target, Name: name, Timeout: readTimeout, Why: "floating ip change"}})
	}
}

// reroute changes the next entry of a table that leads to a former floating IP:
// its next hop and nothing else, on the ETag of the read.
func (m *Machine) reroute(now time.Duration, t *table) {
	e := m.wrong(t)
	if e == nil || t.id != 0 || t.write != 0 || !t.shown {
		return
	}
	if now < t.nextPut {
		m.change.wake = min(m.change.wake, t.nextPut)
		return
	}
	if t.state == failed {
		t.nextPut = now + changePace // it may fail again and again
	}
	m.nextID++
	t.write = m.nextID
	why := fmt.Sprintf("route %s of %s: next hop %s", e.Route, e.Table, m.cfg.FloatingIP)
	m.note("arm write", why)
	m.do(Call{Request{ID: t.write, Op: Put, Target: Route, Name: t.name + "/routes/" + e.Route, Body: e.to(m.cfg.FloatingIP),
		IfMatch: e.etag, Timeout: writeTimeout, Why: why}})
}

// wrong is the entry to be written next, or nil: one that leads to a former
// floating IP, or after an update that has failed, one again. It may have been ours
// or the peer's or a former life's: nobody knows any more, and else the table says
// for ever that it isn't known where its routes lead.
func (m *Machine) wrong(t *table) *entry {
	for i := range t.entries {
		if e := &t.entries[i]; e.NextHop != m.cfg.FloatingIP && t.settled() {
			return e
		}
	}
	if t.state == failed && len(t.entries) > 0 {
		return &t.entries[0]
	}
	return nil
}

func (t *table) settled() bool { return t.state == "Succeeded" || t.state == failed }

// answerRoutes takes what became of a request about routes. Of one that nobody
// waits for any more, only the throttling counts.
func (m *Machine) answerRoutes(now time.Duration, response *Response) {
	r := &m.routes
	if r.network.id == response.ID {
		m.answerNetwork(now, response)
		return
	}
	for i := range r.tables {
		switch t := &r.tables[i]; response.ID {
		case t.id:
			m.answerTable(now, t, response)
			return
		case t.write:
			m.answerRoute(now, t, response)
			return
		}
	}
	if response.Status == 429 && !busy(response) {
		m.throttled(now, response)
	}
}

func (m *Machine) answerNetwork(now time.Duration, response *Response) {
	r := &m.routes
	names, err := parseNetwork(response.Body)
	if err == nil && len(names) > maxTables {
		err = fmt.Errorf("more than %d route tables", maxTables)
	}
	if !m.good(now, &r.network, "the virtual network", response, err) {
		return
	}
	r.tables = slices.DeleteFunc(r.tables, func(t table) bool {
		return !t.listed && !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, t.name) })
	})
	for _, name := range names {
		r.add(name, false)
	}
	r.network.again(now, r.network.first)
}

func (m *Machine) answerTable(now time.Duration, t *table, response *Response) {
	state, entries, err := parseTable(t.name, response.Body, m.fips)
	if !m.good(now, &t.query, "the route table "+t.name, response, err) {
		t.clear = 0
		return
	}
	t.state, t.entries, t.shown = state, entries, true
	former := slices.ContainsFunc(entries, func(e entry) bool { return e.NextHop != m.cfg.FloatingIP })
	switch {
	case state != "Succeeded":
		t.clear, t.nextGet = 0, now+routePoll
	case former:
		t.clear, t.nextGet = 0, now+routePace
	default:
		if t.clear == 0 {
			t.clear = response.SentAt
		}
		t.again(now, t.clear)
	}
}

// again plans the next read: at the end of the time for which nothing may be
// named, and at the usual pace behind it.
func (q *query) again(now, since time.Duration) {
	q.nextGet = now + routePace
	if end := since + linger; end > q.sentAt {
		q.nextGet = min(q.nextGet, end)
	}
}

// good files the answer to a read, and reports whether it says something.
func (m *Machine) good(now time.Duration, q *query, what string, response *Response, err error) bool {
	q.id, q.status = 0, response.Status
	if response.OK() && err == nil {
		if q.first == 0 {
			q.first = response.SentAt
		}
		q.sentAt, q.problem = response.SentAt, ""
		return true
	}
	q.first, q.nextGet = 0, now+routeSoon
	switch {
	case response.OK():
		response.Code, response.Message = BadAnswer, err.Error()
		q.status, q.nextGet = 0, now+routePace
	case response.Status == 429:
		q.nextGet = now + m.throttled(now, response)
	case response.Status == 403, response.Status == 404:
		q.nextGet = now + routePace
	}
	if problem := fmt.Sprintf("reading %s: %s", what, Explain(response)); problem != q.problem {
		q.problem = problem
		m.note("arm refused", problem)
	}
	return false
}

// answerRoute takes the answer to the write of an entry. What the table is then,
// a read shows.
func (m *Machine) answerRoute(now time.Duration, t *table, response *Response) {
	t.write, t.shown, t.nextGet = 0, false, now
	switch {
	case response.OK():
		t.refused, t.denied, t.nextGet = "", "", now+routePoll
		return
	case response.Status == 429 && !busy(response):
		m.throttled(now, response)
	case response.Status == 403:
		t.denied, t.shown = Explain(response), true
		t.nextPut, t.nextGet = now+allowPace, now+routePace
	case response.Status == 0, response.Status == 412:
		t.nextGet = now + routePoll
	default:
		t.nextPut, t.nextGet = now+changePace, now+routePoll
	}
	if why := Explain(response); why != t.refused {
		t.refused = why
		m.note("arm refused", fmt.Sprintf("the route table %s: %s", t.name, why))
	}
}

// lead reports whether an entry leads to an address, as last read.
func (r *routes) lead(addr netip.Addr) bool {
	return slices.ContainsFunc(r.tables, func(t table) bool {
		return slices.ContainsFunc(t.entries, func(e entry) bool { return e.NextHop == addr })
	})
}

// free reports whether it is known that no table leads to a former floating IP,
// and for how long none has. A network that may not be read says nothing; then the
// tables that the settings list are all.
func (r *routes) free() bool {
	known := r.network.first > 0 && r.network.sentAt-r.network.first >= linger
	if r.network.status == 403 {
		known = slices.ContainsFunc(r.tables, func(t table) bool { return t.listed })
	}
	return known && !slices.ContainsFunc(r.tables, func(t table) bool { return t.clear == 0 || t.sentAt-t.clear < linger || !t.shown })
}

// tell says what stands in the way.
func (r *routes) tell(s *Status) {
	if r.network.problem != "" {
		s.Unread = append(s.Unread, r.network.problem)
	}
	for i := range r.tables {
		t := &r.tables[i]
		if t.problem != "" {
			s.Unread = append(s.Unread, t.problem)
		}
		if t.denied != "" {
			s.Denied = append(s.Denied, t.denied)
		}
		for _, e := range t.entries {
			if slices.Contains(s.Former, e.NextHop) {
				s.Entries = append(s.Entries, e.Entry)
			}
		}
	}
}
