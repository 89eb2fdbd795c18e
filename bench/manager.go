package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// managerSize is how much is measured.
type managerSize struct {
	vsockets, events, times, changes, turns int
	turn                                    time.Duration
}

// smallVar makes a quick try of it: how many vSockets there are.
const smallVar = "BENCH_VSOCKETS"

func managerSizeOf() (managerSize, error) {
	s := managerSize{vsockets: 10_000, times: 2000, changes: 300, turns: 2, turn: time.Minute}
	if text := os.Getenv(smallVar); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 2 {
			return s, fmt.Errorf("%s=%q: not a number of vSockets", smallVar, text)
		}
		s.vsockets = n - n%2
	}
	if s.vsockets < 5000 {
		s.times, s.changes, s.turns, s.turn = 100, 30, 1, 10*time.Second
	}
	s.events = 100 * s.vsockets
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return s, err
	}
	if limit.Max < uint64(s.vsockets)+1000 {
		return s, fmt.Errorf("a process may open %d files, too few for %d connections\nhint: ulimit -Hn %d, as root", limit.Max, s.vsockets, 2*s.vsockets)
	}
	return s, nil
}

func (s managerSize) sites() int { return s.vsockets / 2 }

// spread keeps those that connect far below what a manager admits, and what a
// database commits on a disk: each is noted there more than once.
func (s managerSize) spread() time.Duration {
	return time.Duration(s.vsockets) * time.Second / 200
}

// The paces at which vSockets report. The product's report changes, and otherwise
// say each 20 s that they are there.
const (
	often, seldom = 5 * time.Second, 30 * time.Second
)

// managerFigures are those of the section.
type managerFigures struct {
	size          managerSize
	manager, bare *served
	rate          float64 // messages a second that the bare server had at the pace often
	rest, busy    []trips
	change        changed
	back          comeback
	backCost      float64
	pair          pairFigures
}

func managerCrowd() (_ string, err error) {
	began := load()
	size, err := managerSizeOf()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "rlv-bench")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx := context.Background()
	stage("furnish")
	e, err := furnish(ctx, dir, size)
	if err != nil {
		return "", err
	}
	f := &managerFigures{size: size}
	token, err := f.alone(ctx, dir, e)
	if err != nil {
		return "", err
	}
	if err := f.together(ctx, dir, token, e); err != nil {
		return "", err
	}
	return f.text(began)
}

// stage says what of a long section goes on.
func stage(what string) { fmt.Fprintf(os.Stderr, " %s ...", what) }

// alone measures one manager on SQLite, beside the bare server.
func (f *managerFigures) alone(ctx context.Context, dir string, e *estate) (token string, err error) {
	p, err := newProgram(dir, "")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.kill()) }()
	if token, err = p.person(ctx, dir, e.Code); err != nil {
		return "", err
	}
	c, err := p.client(dir, token)
	if err != nil {
		return "", err
	}
	stage("pages at rest") // this fills the database's caches, too, which no vSocket is to pay for
	if f.rest, err = pages(ctx, c, e, f.size.times); err != nil {
		return "", err
	}
	if f.manager, err = serve(p.cmd.Process.Pid, p.log, dir, p.address, "both", f.size.vsockets); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.manager.ends.end()) }()
	stage("connect")
	if err := f.manager.connect(f.size.spread()); err != nil {
		return "", err
	}
	if err := f.against(dir); err != nil {
		return "", err
	}
	if err := steadily(f.manager); err != nil {
		return "", err
	}
	stage("pages")
	if f.busy, err = pages(ctx, c, e, f.size.times); err != nil {
		return "", err
	}
	stage("changes")
	if f.change, err = change(ctx, c, []*actor{f.manager.ends}, e, f.size.changes); err != nil {
		return "", err
	}
	stage("restart")
	f.back, f.backCost, err = f.manager.restart(p)
	return token, err
}

// against measures manager and bare server in turns; the other's vSockets are
// connected meanwhile, and say nothing but that they are there.
func (f *managerFigures) against(dir string) (err error) {
	server, log, address, err := bareServer(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	if f.bare, err = serve(server.cmd.Process.Pid, log, dir, address, "both", f.size.vsockets); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.bare.ends.end()) }()
	if err := f.bare.connect(f.size.spread()); err != nil {
		return err
	}
	for range f.size.turns {
		for _, every := range []time.Duration{often, seldom} {
			stage(every.String())
			if err := turn(every, f.size.turn, f.manager); err != nil {
				return err
			}
			var before, after uint64
			err := server.tell(order{Do: "messages"}, &before)
			began := time.Now()
			if err == nil {
				err = turn(every, f.size.turn, f.bare)
			}
			if err == nil {
				err = server.tell(order{Do: "messages"}, &after)
			}
			if err != nil {
				return err
			}
			if every == often {
				f.rate = float64(after-before) / time.Since(began).Seconds()
			}
		}
	}
	return f.keepLive()
}

// keepLive reads what is left of memory while all are connected.
func (f *managerFigures) keepLive() error { return errors.Join(f.manager.look(), f.bare.look()) }
