package agent

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/site"
)

// Loop runs a Driver in real time: one goroutine, one inbox.
//
// Whatever waits in the inbox and in the sockets is taken before a tick, so
// that a verdict on the peer's silence never rests on datagrams that have
// arrived and were not read (ha.md section 2).
type Loop struct {
	driver *Driver
	clock  func() time.Duration
	drain  func()
	inbox  chan func(now time.Duration)
	left   bool
}

// inboxSize is generous: the inbox is emptied within microseconds unless the
// machine is starved, and then nothing should be lost.
const inboxSize = 1024

// NewLoop makes a loop. drain hands over, through the driver, what waits in
// the sockets; it may be nil.
func NewLoop(driver *Driver, clock func() time.Duration, drain func()) *Loop {
	return &Loop{driver: driver, clock: clock, drain: drain, inbox: make(chan func(time.Duration), inboxSize)}
}

// Post has fn called by the loop's goroutine. It is for every other goroutine;
// it waits while the inbox is full and gives up when ctx ends.
func (l *Loop) Post(ctx context.Context, fn func(now time.Duration)) {
	select {
	case l.inbox <- fn:
	case <-ctx.Done():
	}
}

// Leave ends Run without a word to the driver, whose gates stay as they are: another
// one follows. It is for the loop's own goroutine.
func (l *Loop) Leave() { l.left = true }

// Run runs until the driver has stopped, or is left. Each receive from stop asks for it:
// once for a clean end, twice for an end at once.
func (l *Loop) Run(stop <-chan struct{}) error {
	l.driver.Start(l.clock())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if stopped, err := l.driver.Stopped(); stopped || l.left {
			return err
		}
		timer.Reset(l.driver.Next() - l.clock())
		select {
		case fn := <-l.inbox:
			fn(l.clock())
		case <-timer.C:
			l.tick()
		case <-stop:
			l.driver.Stop(l.clock())
		}
	}
}

func (l *Loop) tick() {
	due := l.driver.Next()
	late := max(0, l.clock()-due)
	for waiting := len(l.inbox); waiting > 0; waiting-- {
		(<-l.inbox)(l.clock())
	}
	if l.drain != nil {
		l.drain()
	}
	l.driver.Tick(l.clock(), late)
}

// Status asks the loop for the driver's status.
func (l *Loop) Status(ctx context.Context) (site.Status, error) {
	answer := make(chan site.Status, 1)
	l.Post(ctx, func(now time.Duration) { answer <- l.driver.Status(now) })
	select {
	case status := <-answer:
		return status, nil
	case <-ctx.Done():
		return site.Status{}, ctx.Err()
	}
}

// BootClock is CLOCK_BOOTTIME: it runs on while the guest is suspended, so that
// a lease can't outlive a suspend.
func BootClock() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("agent: no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
