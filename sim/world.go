package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
)

// World is one run.
type World struct {
	sched *Schedule
	least Settings // of all timers that there are in the schedule
	most  Settings
	now   time.Duration
	due   calendar
	nodes [3]*node // by site.Side; 0 is nobody
	net   network
	azure *azure
	pops  []*pop // none: ARM is the third
	heal  bool   // the faults are over

	changed time.Duration // last write or delivery
	under   []bool        // which faults are on

	checks      []checker
	promises    promiseCheck
	manners     mannersCheck
	leases      leaseCheck
	serving     servesCheck
	thaws       thawCheck
	alone       *soloCheck
	timed       timersCheck
	answering   answersCheck
	witnessed   witnessCheck
	changing    readdressing
	readdressed changeCheck
	gates       gateCheck
	out         outage
	violation   *Violation
	stats       Stats
	hash        uint64
	tell        func(Line)        // the story, if anybody listens
	records     [3]agent.Recorder // by site.Side: what is recorded, if anybody wants it
	ids         *rand.Rand
}

// Violation is a property that didn't hold.
type Violation struct {
	Property string
	At       time.Duration
	What     string
}

func (v *Violation) String() string {
	return fmt.Sprintf("%s at %.3fs: %s", v.Property, v.At.Seconds(), v.What)
}

// Line is one line of a run's story.
type Line struct {
	At   time.Duration
	Who  string // primary, secondary, azure, world, check
	What string
}

func (l Line) String() string { return fmt.Sprintf("%10.3f  %-9s  %s", l.At.Seconds(), l.Who, l.What) }

// Result is what came of a run.
type Result struct {
	Violation *Violation // nil: all held
	Hash      uint64     // of all that happened
	Stats     Stats
}

// Stats are a run's figures.
type Stats struct {
	Simulated   time.Duration
	Events      int
	Grants      int           // terms
	Moves       int           // of the floating IP in the data plane, its first arrival included
	Outage      time.Duration // the longest time that nothing was forwarded
	WorstOutage time.Duration // with a single fault, and an Azure that is instant or fast
	Calls       int           // to ARM
}

// Run plays a schedule. tell may be nil; it gets the story.
func Run(s *Schedule, tell func(Line)) Result {
	return newWorld(s, tell).play()
}

func (w *World) play() Result {
	w.begin()
	s := w.sched
	end := s.Settings.Safety + s.Settings.Heal
	w.loop(end)
	if w.changed > end-settling { // a failback, say, that has just begun
		w.loop(end + 2*settling)
	}
	w.finish()
	return Result{w.violation, w.hash, w.stats}
}

// generator of one concern.
func generator(seed uint64, concern uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, concern)) }

const (
	ofNetwork = iota + 1
	ofIDs
	ofAzure
	ofDraw
	ofNode // and the one after it
	_
	ofThird
	ofPoP
	ofSettings = ofPoP + 16 // each PoP has its own
	ofChange   = 100
	ofSolo     = 101
)

func newWorld(s *Schedule, tell func(Line)) *World {
	w := &World{sched: s, tell: tell, under: make([]bool, len(s.Faults)), hash: 14695981039346656037,
		ids: generator(s.Seed, ofIDs)}
	w.least, w.most = timers(s)
	w.changing = newReaddressing(w)
	w.net = newNetwork(w)
	w.azure = newAzure(w)
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		w.nodes[side] = newNode(w, side)
	}
	w.promises.w, w.manners.w, w.leases.w, w.timed.w = w, w, w, w
	w.answering.w = w
	w.readdressed.w, w.gates.w = w, w
	w.serving, w.thaws = newServesCheck(w), newThawCheck(w)
	w.out.down = 0
	w.witnessed = witnessCheck{w: w, holders: map[site.Term]site.Claim{}}
	w.alone = newSoloCheck(w)
	w.checks = checkers(w)
	return w
}

// begin boots the two and puts the faults into the calendar.
func (w *World) begin() {
	w.azure.delivery()
	for i := range w.sched.Settings.pops() {
		w.pops = append(w.pops, newPoP(w, i))
	}
	for _, n := range w.nodes[1:] {
		at := time.Duration(w.ids.Int64N(int64(2 * time.Second)))
		if !w.startsSolo(n.side) {
			w.put(happening{at: at, what: boots, node: uint8(n.side), life: n.life})
		}
	}
	for i := range w.sched.Faults {
		f := &w.sched.Faults[i]
		w.put(happening{at: f.At, what: begins, index: i})
		w.put(happening{at: f.End(), what: ends, index: i})
	}
	w.put(happening{at: w.sched.Settings.Safety, what: heals})
}

func (w *World) put(h happening) { w.due.put(h) }

// maxAtOnce is far more than can rightly happen at one instant.
const maxAtOnce = 5000

// settling is how long nothing may have changed at the end.
const settling = 30 * time.Second

// loop lets everything happen in order until the instant end.
func (w *World) loop(end time.Duration) {
	atOnce := 0
	for w.violation == nil {
		at, who := w.next()
		if at > end {
			break
		}
		if atOnce++; at > w.now {
			atOnce = 0
		}
		if atOnce > maxAtOnce {
			w.fail("time passes", "%d things happened at one instant, the last to %d: something asks for its next tick in the past", atOnce, who)
		}
		w.now = at
		w.stats.Events++
		switch {
		case who > 0:
			w.nodes[who].tick()
		case who < 0:
			w.azure.advance()
		default:
			w.happen(w.due.take())
		}
	}
	if w.violation == nil {
		w.now = end
	}
	w.stats.Simulated = w.now
}

// next is the earliest thing to happen: a node's tick (its side), something
// inside Azure (-1) or what the calendar holds (0).
func (w *World) next() (at time.Duration, who int) {
	at = never
	if len(w.due.heap) > 0 {
		at = w.due.heap[0].at
	}
	if next, ok := w.azure.store.Next(); ok && next < at {
		at, who = max(next, w.now), -1
	}
	for side := 1; side < len(w.nodes); side++ {
		if tick := w.nodes[side].tickAt; tick < at {
			at, who = tick, side
		}
	}
	return at, who
}

func (w *World) happen(h happening) {
	n := w.nodes[h.node]
	switch h.what {
	case arrives:
		w.net.arrive(n, h)
	case leaves, reaches, answers, expires:
		w.azure.happen(n, h)
	case metadata:
		n.looked(h)
	case begins:
		w.beginFault(h.index)
	case ends:
		w.endFault(h.index)
	case boots:
		if n.life == h.life {
			n.boot()
		}
	case resumes:
		n.resume()
	case probes:
		n.probe(h)
	case asks:
		w.pops[h.path].heard(h)
	case fences:
		if p := w.pops[h.path]; p.witness != nil {
			p.carryOut(p.witness.Tick(p.now()))
		}
	case delivers:
		w.changing.deliver(n)
	case readdresses:
		n.readdress(h)
	case reroutes:
		w.changing.reroute()
	case vouches:
		w.changing.vouch()
	case heals:
		w.healAll()
	}
}

// fail notes the first violation, which ends the run.
func (w *World) fail(property, format string, args ...any) {
	if w.violation == nil {
		w.violation = &Violation{property, w.now, fmt.Sprintf(format, args...)}
		w.say("check", "VIOLATED "+property+": "+w.violation.What)
	}
}

// say is a line of the story.
func (w *World) say(who, what string) {
	if w.tell != nil {
		w.tell(Line{w.now, who, what})
	}
}

// mix adds to the hash.
func (w *World) mix(values ...uint64) {
	const prime = 1099511628211
	h := (w.hash ^ uint64(w.now)) * prime
	for _, v := range values {
		h = (h ^ v) * prime
		h ^= h >> 31
	}
	w.hash = h
}

func (w *World) mixText(text string) {
	h := w.hash
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	w.hash = h
}

// Tale collects a run's story as text.
func Tale(s *Schedule) (string, Result) {
	var b strings.Builder
	result := Run(s, func(l Line) { b.WriteString(l.String() + "\n") })
	return b.String(), result
}
