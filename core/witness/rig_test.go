package witness

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

const (
	ms    = time.Millisecond
	lease = 200 * ms
)

// rig is a witness, and two vSockets that ask it by hand.
type rig struct {
	t     *testing.T
	w     *Witness
	now   Time
	run   uint64 // of its life
	socks [2]*asker
	kept  []Record // saved, in order
	did   []Action // of the last step
}

// asker is a vSocket as far as its questions go.
type asker struct {
	q wire.Question
	r wire.Reply // the last that it was told
}

// newRig is a witness that has just started with this record, and two vSockets
// that it hasn't heard.
func newRig(t *testing.T, record *Record, lost bool) *rig {
	r := &rig{t: t, now: time.Hour}
	for i := range r.socks {
		r.socks[i] = &asker{q: wire.Question{Site: 7, From: site.Primary + site.Side(i), Boot: site.BootID{byte(i + 1)}, Fit: true, Role: site.Standby}}
	}
	r.start(record, lost)
	return r
}

// start begins a life of the witness.
func (r *rig) start(record *Record, lost bool) {
	r.run += 1000
	r.w = New(7, r.run, record, lost, r.now)
	r.take(r.w.Start(r.now))
}

// restart ends the witness's life and begins one with what was kept.
func (r *rig) restart() {
	var record *Record
	if n := len(r.kept); n > 0 {
		record = &r.kept[n-1]
	}
	r.start(record, false)
}

func (r *rig) take(actions []Action) {
	r.did = append(r.did[:0], actions...)
	for _, action := range actions {
		switch a := action.(type) {
		case Save:
			r.kept = append(r.kept, a.Record)
		case Say:
			v := r.of(a.To)
			if a.Boot != v.q.Boot {
				continue
			}
			if a.Run == v.r.Run && a.Seq <= v.r.Seq {
				r.t.Errorf("the %s is told %d after %d: it won't believe it", a.To, a.Seq, v.r.Seq)
			}
			v.r = *a.Reply
		}
	}
}

func (r *rig) of(side site.Side) *asker { return r.socks[side-site.Primary] }

func (r *rig) pass(d time.Duration) { r.now += d }

// ask sends a side's next question, which has heard all that the side was told,
// and gives what the side has been told last.
func (r *rig) ask(side site.Side, change func(q *wire.Question)) *wire.Reply {
	v := r.of(side)
	v.q.Seq++
	v.q.Sent += ms
	v.q.Run, v.q.Nonce, v.q.Heard, v.q.Age = v.r.Run, v.r.Nonce, v.r.Seq, ms
	q := v.q
	if change != nil {
		change(&q)
	}
	r.take(r.w.Hear(r.now, &q))
	return &v.r
}

// meet lets both be accepted.
func (r *rig) meet() {
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		r.ask(side, nil)
		r.ask(side, nil)
	}
}

// boot gives a side another boot, which has heard nothing yet.
func (r *rig) boot(side site.Side, id byte) {
	v := r.of(side)
	v.q.Boot, v.q.Seq, v.r = site.BootID{id}, 0, wire.Reply{}
}

func (r *rig) claim(side site.Side, from site.Term, change func(q *wire.Question)) *wire.Reply {
	return r.ask(side, func(q *wire.Question) {
		q.Role = site.Claiming
		q.Claim = wire.Claim{From: from, Nonce: uint64(from) + 1, Generation: 5, Lease: lease}
		if change != nil {
			change(q)
		}
	})
}

// renew is an active's question.
func (r *rig) renew(side site.Side, term site.Term, change func(q *wire.Question)) *wire.Reply {
	return r.ask(side, func(q *wire.Question) {
		q.Role, q.Granted.Term = site.Active, term
		q.Ask = wire.Ask{Term: term, Lease: lease}
		if change != nil {
			change(q)
		}
	})
}

// newServing is a witness that has granted term 1 to the primary; the promise
// that goes with a grant is over.
func newServing(t *testing.T) *rig {
	r := newRig(t, nil, false)
	r.meet()
	r.pass(LeaseMax)
	r.granted(r.claim(site.Primary, 0, nil), 1, site.Primary)
	r.ask(site.Secondary, nil)
	r.pass(lease)
	return r
}

// granted: the term is this side's present boot's, and was kept before it was told.
func (r *rig) granted(reply *wire.Reply, term site.Term, side site.Side) {
	r.t.Helper()
	want := site.Claim{Term: term, Holder: side, Boot: r.of(side).q.Boot}
	got := reply.Record
	if got.Generation = 0; got != want {
		r.t.Fatalf("the witness tells %s, want %s", reply.Record, want)
	}
	if n := len(r.kept); n == 0 || r.kept[n-1].Claim != reply.Record {
		r.t.Fatalf("kept %+v, told %s", r.kept, reply.Record)
	}
}

// still: no term was granted after this one.
func (r *rig) still(term site.Term) {
	r.t.Helper()
	if got := r.w.Status(r.now).Record.Claim.Term; got != term {
		r.t.Fatalf("term %d, want %d", got, term)
	}
}

// has finds the last action of a kind in the last step.
func has[A Action](r *rig) (found A, ok bool) {
	for _, action := range r.did {
		if a, is := action.(A); is {
			found, ok = a, true
		}
	}
	return found, ok
}
