// Package witness decides what a witness does for one site (ha.md R4, R7, R8.2,
// R10): it is the registrar of the site's terms. A question and the time go in,
// a list of actions comes out. It has no clock, socket, goroutine, randomness or
// log.
//
// What a witness promises: one holder a term; a record that never falls; a grant
// that is durable before it is told; nothing granted while a promise of its own
// lasts, nor in the first LeaseMax of its life, in which a former one's may.
package witness

import (
	"fmt"
	"time"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	wire "releve.dev/releve/wire/witness"
)

// Time is the witness's monotonic clock, counted from no matter when.
type Time = time.Duration

// The design's constants (ha.md section 3).
const (
	LeaseMax = 3 * time.Second   // Lmax
	DrainMax = 300 * time.Second // D: for so long the previous holder's upstream is taken
)

// Record is what outlives the witness, for each site. It is durable before
// anything is told that rests on it.
type Record struct {
	Claim site.Claim `json:"claim"` // of the term; the zero Claim: never granted
	Prev  site.Side  `json:"prev"`  // who held the term before
	// Visits are those of the primary and of the secondary in which both were here
	// at the same time; 0 for one that has never been at another PoP.
	Visits [2]uint64 `json:"visits,omitzero"`
}

// Action is something to be done, in the order given. A Save must be durable
// before any later action is begun.
type Action interface{ action() }

// Save keeps the record.
type Save struct{ Record Record }

// Route sends the site's traffic into this side's tunnel.
type Route struct{ To site.Side }

// Upstream takes the site's traffic from these sides alone.
type Upstream struct{ Primary, Secondary bool }

// Say sends a reply. The driver may not keep the pointer.
type Say struct{ *wire.Reply }

// Note is a line of the timeline.
type Note struct{ What, Detail string }

func (Save) action()     {}
func (Route) action()    {}
func (Upstream) action() {}
func (Say) action()      {}
func (Note) action()     {}

// Witness is what is known of one site.
type Witness struct {
	site    uint64
	run     uint64
	started Time
	record  Record
	blank   bool // the record is lost (R10)
	sides   [2]side
	prom    Time // until when the holder has been promised that nothing is granted
	prevEnd Time // until when the previous holder's upstream is taken
	out     [2]wire.Reply
	tell    [2]bool // who is told at the end of this step
	actions []Action
}

// side is what is known of one vSocket.
type side struct {
	boot   site.BootID
	known  bool   // boot has been accepted in this life
	nonce  uint64 // a next boot is accepted with it
	seq    uint64 // of our last reply
	at     Time   // of its last question
	last   wire.Question
	mark   uint64    // seq of the other's last reply when this boot or visit came
	grant  uint64    // nonce of the claim by which its boot has got the record's term
	answer site.Term // to its question of this step
}

// New makes a site's witness for one life of its program. run is random and not
// 0. A nil record is a site that this witness has never had a record of: that it
// hasn't lost it, lost says otherwise.
func New(id, run uint64, record *Record, lost bool, now Time) *Witness {
	w := &Witness{site: id, run: run, started: now, blank: lost}
	if record != nil {
		w.record = *record
	}
	for i := range w.sides {
		w.sides[i].nonce = auth.NextNonce(run + uint64(i))
	}
	return w
}

// Start is the first step: traffic goes where the record says. What the former
// life took from the previous holder is taken for another while.
func (w *Witness) Start(now Time) []Action {
	w.actions = w.actions[:0]
	if w.blank {
		w.note("record lost", "waits to hear both vSockets")
		return w.actions
	}
	if w.record.Claim.Holder != site.NoSide {
		w.prevEnd = now + DrainMax
		w.fence(now)
	}
	return w.actions
}

func (w *Witness) of(s site.Side) *side { return &w.sides[s-site.Primary] }

func (w *Witness) do(actions ...Action) { w.actions = append(w.actions, actions...) }

func (w *Witness) note(what, detail string) { w.do(Note{what, detail}) }

// Hear takes a question, authenticated. The actions are valid until the next
// call.
func (w *Witness) Hear(now Time, q *wire.Question) []Action {
	w.actions = w.actions[:0]
	if q.Site != w.site || q.From != site.Primary && q.From != site.Secondary {
		return w.actions
	}
	s := w.of(q.From)
	known, boot, visit := s.known, s.boot, s.last.Visit
	if !w.accept(s, q) {
		if !s.known || q.Boot != s.boot { // a boot that is new here learns the nonce
			w.greet(q)
		}
		return w.actions
	}
	s.at, s.last = now, *q
	w.tell = [2]bool{}
	w.tell[q.From-site.Primary] = true
	if !known || boot != q.Boot || visit != q.Visit {
		w.arrived(q.From)
	}
	w.settle(now)
	s.answer = 0
	if !w.blank && w.resident(q.From) {
		w.yielded(q)
		w.ask(now, q)
		w.claim(now, q)
		w.transfer(now, q)
	}
	for i, tell := range w.tell {
		if tell {
			w.say(now, site.Primary+site.Side(i))
		}
	}
	return w.actions
}

// accept is the anti-replay rule: a boot is accepted in a question that has the
// side's present nonce, which is another one from then on; of the accepted boot
// what is newer.
func (w *Witness) accept(s *side, q *wire.Question) bool {
	if s.known && q.Boot == s.boot {
		return q.Seq > s.last.Seq || slip.Is(slip.WitnessReplay)
	}
	if q.Nonce != s.nonce {
		return false
	}
	*s = side{boot: q.Boot, known: true, nonce: auth.NextNonce(s.nonce), seq: s.seq}
	w.note("vsocket boot", fmt.Sprintf("%s, boot %s, version %s", q.From, q.Boot, q.Version))
	return true
}

// greet tells a boot that isn't accepted yet the nonce, and nothing that it could
// act upon.
func (w *Witness) greet(q *wire.Question) {
	s := w.of(q.From)
	s.seq++
	out := &w.out[q.From-site.Primary]
	*out = wire.Reply{Site: w.site, To: q.From, Run: w.run, Seq: s.seq, Nonce: s.nonce, Boot: q.Boot, Heard: q.Seq, Sent: q.Sent, State: wire.Blank}
	w.do(Say{out})
}

// say tells a side all there is to know; of the record, what is good for it.
func (w *Witness) say(now Time, to site.Side) {
	s := w.of(to)
	s.seq++
	out := &w.out[to-site.Primary]
	*out = wire.Reply{Site: w.site, To: to, Run: w.run, Seq: s.seq, Nonce: s.nonce, Boot: s.boot, Heard: s.last.Seq, Sent: s.last.Sent,
		State: w.state(now, w.resident(to)), Answer: s.answer, Other: w.view(now, to.Peer())}
	s.answer = 0
	if out.State != wire.Blank {
		out.Record = w.record.Claim
		if out.Record.Holder == to && out.Record.Boot == s.boot {
			out.Grant = s.grant
		}
	}
	w.do(Say{out})
}

func (w *Witness) state(now Time, resident bool) wire.State {
	switch {
	case w.blank || !resident:
		return wire.Blank
	case w.young(now):
		return wire.Young
	}
	return wire.Serving
}

func (w *Witness) young(now Time) bool {
	return now < w.started+LeaseMax && !slip.Is(slip.WitnessYoungGrants)
}

func (w *Witness) view(now Time, of site.Side) wire.View {
	s := w.of(of)
	if !s.known {
		return wire.View{}
	}
	q := &s.last
	return wire.View{Boot: s.boot, Seq: q.Seq, Age: now - s.at, Term: q.Granted.Term, Role: q.Role, Fit: q.Fit, Reason: q.Reason,
		Leased: q.Leased, AzureOK: q.AzureOK, Version: q.Version, Yielded: q.Yielded}
}

// Next is when Tick is wanted: when the previous holder's upstream ends.
func (w *Witness) Next() (at Time, ok bool) { return w.prevEnd, w.prevEnd != 0 }

// Tick lets time pass.
func (w *Witness) Tick(now Time) []Action {
	w.actions = w.actions[:0]
	if w.prevEnd != 0 && now >= w.prevEnd {
		w.prevEnd = 0
		w.fence(now)
	}
	return w.actions
}

// Status is the site as a person may look at it.
type Status struct {
	State   wire.State
	Record  Record
	Promise time.Duration // what is left of the holder's
	Sides   [2]wire.View
	// Resident: the record is of this side's visit, so that it is answered.
	Resident [2]bool
}

// Status describes the site now.
func (w *Witness) Status(now Time) Status {
	resident := [2]bool{w.resident(site.Primary), w.resident(site.Secondary)}
	return Status{State: w.state(now, resident[0] || resident[1]), Resident: resident, Record: w.record, Promise: max(0, w.prom-now),
		Sides: [2]wire.View{w.view(now, site.Primary), w.view(now, site.Secondary)}}
}
