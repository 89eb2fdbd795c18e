package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// asking is what became of the questions of a while.
type asking struct {
	Asked, Answered int
	For             float64 // seconds in which they were asked
	Median, P99     float64 // of the answers
}

// comeback is how long it took after a kill, in seconds.
type comeback struct {
	Starts           int     // of the PoP, until it ran
	First, Half, All float64 // 0: not yet
	Back             int     // vSockets, in the end
}

// everybody runs all askers until stop is called. Counting says which questions
// count.
func (c *crowd) everybody(every, retry time.Duration) (counting *atomic.Bool, asked *atomic.Int64, stop func()) {
	counting, asked = new(atomic.Bool), new(atomic.Int64)
	end := make(chan struct{})
	var all sync.WaitGroup
	for _, a := range c.askers {
		a.begin()
		all.Go(func() { a.keepAsking(every, retry, counting, asked, end) })
	}
	return counting, asked, func() { close(end); all.Wait() }
}

// ask asks at a pace. First all must have been accepted.
func (c *crowd) ask(o order) (*asking, error) {
	counting, asked, stop := c.everybody(o.Every, o.Retry)
	if err := c.await(func() bool { return c.accepted(nil) == len(c.askers) }); err != nil {
		stop()
		return nil, err
	}
	began := time.Now()
	counting.Store(true)
	<-time.After(o.For)
	counting.Store(false)
	r := &asking{Asked: int(asked.Load()), For: time.Since(began).Seconds()}
	<-time.After(time.Second) // what is under way arrives
	stop()
	var trips []time.Duration
	for _, a := range c.askers {
		a.mu.Lock()
		trips = append(trips, a.trips...)
		a.mu.Unlock()
	}
	if r.Answered = len(trips); r.Answered == 0 {
		return nil, fmt.Errorf("no answer to %d questions: %s", r.Asked, c.lastWords())
	}
	slices.Sort(trips)
	r.Median, r.P99 = trips[len(trips)/2].Seconds(), trips[len(trips)*99/100].Seconds()
	return r, nil
}

// accepted counts the vSockets that the witness has accepted, in a life of it other
// than the one that each knew before.
func (c *crowd) accepted(before []uint64) (count int) {
	for i, run := range c.lives() {
		if run != 0 && (before == nil || run != before[i]) {
			count++
		}
	}
	return count
}

// lives are those of the witness that have accepted each vSocket.
func (c *crowd) lives() (runs []uint64) {
	for _, a := range c.askers {
		runs = append(runs, a.accepted.Load())
	}
	return runs
}

const patience = 2 * time.Minute

func (c *crowd) await(ok func() bool) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for began := time.Now(); !ok(); <-look.C {
		if time.Since(began) > patience {
			return fmt.Errorf("%d of %d vSockets are accepted after %s: %s", c.accepted(nil), len(c.askers), patience, c.lastWords())
		}
	}
	return nil
}

// restart kills the PoP and starts it again at once, as an init system would, and
// again if it ends.
func (c *crowd) restart(o order) (*comeback, error) {
	_, _, stop := c.everybody(o.Every, o.Retry)
	defer stop()
	<-time.After(2 * o.Every) // all are in step
	before := c.lives()
	began, r := time.Now(), &comeback{}
	if err := c.kill(); err != nil {
		return nil, err
	}
	since := func(at *float64, count int) {
		if *at == 0 && c.accepted(before) >= count {
			*at = time.Since(began).Seconds()
		}
	}
	start := time.NewTicker(restartPace)
	defer start.Stop()
	for end := began.Add(patience); r.All == 0 && time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		select {
		case <-c.ended: // it ran, or it ended as soon as it was started
			<-start.C
			r.Starts++
			_ = c.start() // or the next time
		default:
		}
		since(&r.First, 1)
		since(&r.Half, len(c.askers)/2)
		since(&r.All, len(c.askers))
	}
	r.Back = c.accepted(before)
	return r, nil
}

// restartPace is systemd's own, if a unit doesn't say another.
const restartPace = 100 * time.Millisecond
