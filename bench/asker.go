package main

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/tunnel"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/witness"
)

// asker is a vSocket as the witness knows it: it asks, and takes answers.
type asker struct {
	inside netip.Addr
	send   func(question []byte)
	renew  func() error // begins the tunnel's session anew; nil: there is none

	accepted atomic.Uint64 // the life of the witness that has accepted us; nobody waits to read it

	mu       sync.Mutex
	question witness.Question
	answer   witness.Reply
	mac      auth.MAC
	at       time.Duration // of the last answer
	unheard  int           // questions since the last answer
	pace     tunnel.Pace   // when to renew

	first, last uint64          // the questions that count; 0: none
	trips       []time.Duration // of their answers
}

// underWay is how many questions may be without an answer, as in vsocket/witness.
const underWay = 2

var epoch = time.Now()

func newAsker(id uint64, side site.Side, inside netip.Addr, key []byte) *asker {
	a := &asker{inside: inside, mac: auth.NewHMAC(key), pace: tunnel.NewPace()}
	a.question = witness.Question{Site: id, From: side, Role: site.Standby, Fit: true, Boot: site.BootID{byte(side), byte(id), byte(id >> 8), 1}}
	return a
}

// ask sends a question. It counts if it is in the measurement.
func (a *asker) ask(counts bool) {
	question, renew := a.next(counts)
	if renew && a.renew != nil { // it waits for who may wait for mu
		_ = a.renew()
	}
	a.send(question)
}

func (a *asker) next(counts bool) (question []byte, renew bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, q := time.Since(epoch), &a.question
	q.Seq++
	q.Sent, q.Nonce, q.Run, q.Heard, q.Age = now, a.answer.Nonce, a.answer.Run, a.answer.Seq, now-a.at
	if counts {
		if a.last = q.Seq; a.first == 0 {
			a.first = q.Seq
		}
	}
	a.unheard++
	return witness.AppendQuestion(nil, q, a.mac), a.unheard > underWay && a.pace.Miss(now)
}

// take takes an answer. What isn't one, or is an old one, is nothing.
func (a *asker) take(datagram []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var r witness.Reply
	if witness.DecodeReply(datagram, &r, a.mac) != nil || r.Boot != a.question.Boot {
		return
	}
	if r.Run == a.answer.Run && r.Heard <= a.answer.Heard {
		return
	}
	now := time.Since(epoch)
	a.answer, a.at = r, now
	a.unheard = 0
	a.pace.Answered(now)
	if r.State != witness.Blank {
		a.accepted.Store(r.Run)
	}
	if a.first != 0 && r.Heard >= a.first && r.Heard <= a.last {
		a.trips = append(a.trips, now-r.Sent)
	}
}

// waits reports whether the last question has no answer.
func (a *asker) waits() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answer.Heard != a.question.Seq
}

// begin forgets what was measured before.
func (a *asker) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.first, a.last, a.trips = 0, 0, a.trips[:0]
}

// keepAsking asks at a pace, or at another one while there is no answer, until
// stop is closed. It counts the questions asked while counting.
func (a *asker) keepAsking(every, retry time.Duration, counting *atomic.Bool, asked *atomic.Int64, stop <-chan struct{}) {
	next := time.NewTimer(rand.N(every))
	defer next.Stop()
	last := time.Time{}
	for {
		select {
		case <-stop:
			return
		case now := <-next.C:
			if now.Sub(last) < every && !a.waits() {
				next.Reset(every - now.Sub(last))
				continue
			}
			counts := counting.Load()
			a.ask(counts)
			if counts {
				asked.Add(1)
			}
			// From when it was due: a late question doesn't make all later ones late.
			if last = last.Add(every); now.Sub(last) > every || retry < every {
				last = now
			}
			next.Reset(max(0, time.Until(last.Add(min(every, retry)))))
		}
	}
}
