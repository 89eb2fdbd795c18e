package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// chore is work that one manager at a time does for all, now and then.
type chore struct {
	name  string
	every time.Duration
	do    func(context.Context) error
}

// startChores does them until the manager closes. The first time is soon, and at
// another moment with each manager.
func (m *manager) startChores(all ...chore) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for _, c := range all {
		done.Go(func() { m.doAgain(ctx, c) })
	}
	m.closers = append(m.closers, func() error { stop(); done.Wait(); return nil })
}

func (m *manager) doAgain(ctx context.Context, c chore) {
	timer := time.NewTimer(rand.N(time.Minute))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if _, err := m.store.Alone(ctx, c.name, c.do); err != nil && ctx.Err() == nil {
			m.log.Error("a chore failed; it is done again later", slog.String("chore", c.name), slog.Any("reason", err))
		}
		timer.Reset(c.every*3/4 + rand.N(c.every/2))
	}
}

// retainEvents deletes events and takeovers that are older than the manager keeps.
func (m *manager) retainEvents(keep time.Duration) chore {
	return chore{"retention of events", time.Hour, func(ctx context.Context) error {
		n, err := m.events.Retain(ctx, keep)
		if err != nil {
			return err
		}
		taken, err := m.takeovers.Retain(ctx, keep)
		n += taken
		if n > 0 {
			m.log.Info("old events are deleted", slog.Int64("number", n), slog.Duration("older", keep))
		}
		return err
	}}
}

// days is a time that a flag gives: "400d", or as Go writes durations.
type days time.Duration

// least is what is kept of anything: less is a slip.
const least = days(24 * time.Hour)

func (d *days) String() string {
	if time.Duration(*d)%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", time.Duration(*d)/(24*time.Hour))
	}
	return time.Duration(*d).String()
}

// Set reads one.
func (d *days) Set(text string) error {
	number, is := strings.CutSuffix(text, "d")
	if !is {
		t, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("no time such as 400d or 36h")
		}
		*d = days(t)
	} else {
		n, err := strconv.ParseUint(number, 10, 15)
		if err != nil {
			return fmt.Errorf("no number of days such as 400d")
		}
		*d = days(time.Duration(n) * 24 * time.Hour)
	}
	if *d < least {
		return fmt.Errorf("less than a day")
	}
	return nil
}

// Type is how help calls it.
func (*days) Type() string { return "time" }
