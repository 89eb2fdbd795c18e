package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

// readdress takes another floating IP while the pair runs (R14, decision 9). It is
// the loop's own.
//
// Once both vSockets hold the settings, each writes down what the change is, and a
// little later gives it to its steering: by then the other has written it down too,
// so that whoever takes over knows of both addresses. The active's steering does
// it; a standby's sees the end. Then the settings count as applied, and the former
// addresses are forgotten.
type readdress struct {
	addresses // as on the disk
	driver    steering
	folder    disk.Folder
	post      func(func(now time.Duration)) // to the loop

	applied netip.Addr    // of the settings that ran last
	given   bool          // the steering goes by the addresses
	busy    bool          // the disk is being written
	agreed  time.Duration // since when both hold the settings; 0: they don't
	retry   time.Duration // the disk refused: not before
}

// steering is what of the driver a change needs.
type steering interface {
	FloatingIP(now time.Duration, addr netip.Addr, change steer.Change)
	FIPChange() *site.FIPChange
}

const (
	bothKept  = 3 * time.Second // after both hold the settings, both have written them down
	diskRetry = 10 * time.Second
)

func newReaddress(folder disk.Folder, addr netip.Addr) readdress {
	return readdress{addresses: loadAddresses(folder, addr), folder: folder, applied: addr, given: true}
}

// review does what has become possible. want is the floating IP of the newest
// settings; the zero value if there are none.
func (r *readdress) review(now time.Duration, want netip.Addr, agreed bool) {
	switch {
	case !agreed:
		r.agreed = 0
	case r.agreed == 0:
		r.agreed = now
	}
	switch {
	case r.busy || now < r.retry:
	case want.IsValid() && want != r.To:
		if next, ok := r.next(want); ok && agreed {
			r.keep(next, nil)
		}
	case !r.given:
		if r.Moved || r.agreed != 0 && now-r.agreed >= bothKept {
			r.given = true
			r.driver.FloatingIP(now, r.To, r.Change)
		}
	case len(r.Former) > 0 && r.applied == r.To && r.over():
		r.end()
	}
}

// next is a change to want from where this one is. No address is forgotten that may
// be in use: with too many, the present change comes first.
func (r *readdress) next(want netip.Addr) (next addresses, ok bool) {
	if r.over() { // but another life begins with the settings that ran last
		return addresses{r.To, steer.Change{Former: []netip.Addr{r.applied}}}.toward(want), true
	}
	next = r.toward(want)
	return next, len(next.Former) <= mostFormers
}

// over: no NIC has an address but the one in view.
func (r *readdress) over() bool {
	if !r.given || r.busy {
		return false
	}
	c := r.driver.FIPChange()
	return len(r.Former) == 0 || c != nil && c.Step == string(steer.Done)
}

// runs: settings with this floating IP may count as applied.
func (r *readdress) runs(want netip.Addr) bool { return want == r.To && r.over() }

// keeps: it is on the disk, and another life begins with it.
func (r *readdress) keeps(want netip.Addr) bool { return want == r.To && !r.busy }

// keep writes down what the change is to be; the disk may be slow, and the loop
// must not be. Whoever answers is told how it went.
func (r *readdress) keep(next addresses, answer chan<- error) {
	r.write(answer, func() error { return saveAddresses(r.folder, next) }, func(time.Duration) {
		r.addresses, r.given = next, false
	})
}

// end forgets the former ones.
func (r *readdress) end() {
	r.write(nil, func() error { return forgetAddresses(r.folder) }, func(now time.Duration) {
		r.Change = steer.Change{}
		r.driver.FloatingIP(now, r.To, r.Change)
	})
}

func (r *readdress) write(answer chan<- error, write func() error, then func(now time.Duration)) {
	r.busy = true
	go func() {
		err := write()
		r.post(func(now time.Duration) {
			if r.busy = false; err == nil {
				then(now)
			} else {
				r.retry = now + diskRetry
				slog.Error("a change of the floating IP can't be kept", "error", err)
			}
			if answer != nil {
				answer <- err
			}
		})
	}()
}

// word takes a person's: no route leads to the former ones.
func (r *readdress) word(answer chan<- error) {
	switch {
	case r.busy:
		answer <- errors.New("the change of the floating IP is being written down just now\nhint: say it again")
	case len(r.Former) == 0:
		answer <- errors.New("no change of the floating IP is under way at this vSocket")
	default:
		next := r.addresses
		next.Moved = true
		r.keep(next, answer)
	}
}

// says is what settings with this floating IP wait for, "" for nothing.
func (r *readdress) says(want netip.Addr) string {
	if r.runs(want) {
		return ""
	}
	what := fmt.Sprintf("the floating IP changes to %s", want)
	if want != r.To {
		if _, ok := r.next(want); !ok {
			return what + fmt.Sprintf(" when the change to %s is over", r.To)
		}
	}
	c := r.driver.FIPChange()
	if want != r.To || !r.given || c == nil {
		return what + " once both vSockets have the settings"
	}
	head, rest := stage(c)
	return what + ": " + head + rest + entries(c)
}

// moved is the door's: a person's word.
func (p *pair) moved(ctx context.Context) error {
	answer := make(chan error, 1)
	p.loop.Post(ctx, func(time.Duration) { p.fips.word(answer) })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return errStarting
	}
}
