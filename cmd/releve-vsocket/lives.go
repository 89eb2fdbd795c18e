package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"releve.dev/releve/site"
)

// An agent has one life after another: as a solo vSocket, as one of a pair, and
// again as one of a pair if its settings are such that a running machine can't take
// them. Each life is a boot of its own, and begins as after a restart (R0) but for
// one thing: what was Master by itself forwards on (core/ha, solo.go).
//
// A life leaves only when nothing hangs on it: a solo one at any time, one of a pair
// as a standby at rest, or as the active that has no peer any more.

// life is one of them.
type life struct {
	joined
	fromSolo bool // the gates are open, as the life before was Master by itself
}

// unborn is the error of a life that couldn't begin. What ran last runs again then.
type unborn struct{ error }

func (u unborn) Unwrap() error { return u.error }

// lives is the agent until it is told to stop.
func (u *unit) lives(ctx context.Context) error {
	now := life{joined: u.source.first()}
	for {
		next, err := u.live(ctx, now)
		var failed unborn
		switch {
		case errors.As(err, &failed) && !now.same(u.source.lastRan()):
			u.source.refuse(now.joined, failed.error)
			now = life{joined: u.source.lastRan()}
		case err != nil || next == nil:
			return err
		default:
			now = life{*next, now.cfg.HA == nil}
		}
	}
}

// live runs one life, and gives what the next one is to be; nil: the end.
func (u *unit) live(ctx context.Context, l life) (next *joined, err error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	u.boot, u.nonce = site.BootID(random[:8]), binary.BigEndian.Uint64(random[8:])
	if err := u.openWays(l.cfg); err != nil {
		return nil, unborn{err}
	}
	if l.cfg.HA == nil {
		return u.runSolo(ctx, l)
	}
	return u.runPair(ctx, l)
}

// offer takes what the channel has left on the disk, and tells what became of it.
func (u *unit) offer(ctx context.Context) (site.SettingsStatus, error) {
	if u.door.get().take == nil {
		return site.SettingsStatus{}, u.door.waits()
	}
	if next, ok := u.source.newest(); ok {
		if err := u.door.take(ctx, next); err != nil {
			return site.SettingsStatus{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	return u.source.settle(ctx), nil
}

// settleWithin is how long somebody who asks waits for the outcome: opening a
// tunnel's device may take a moment.
const settleWithin = 3 * time.Second

// begun is called by each life once it runs: what has come meanwhile is its first
// news.
func (u *unit) begun(ctx context.Context) {
	go func() {
		if _, err := u.offer(ctx); err != nil && ctx.Err() == nil {
			u.source.waits(err.Error())
		}
	}()
}
