package webui

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/capture"
	"releve.dev/releve/vsocket/probe"
	"releve.dev/releve/vsocket/webui/pages"
	"releve.dev/releve/vsocket/webui/run"
)

var errUnknown = errors.New("there is no such tool")

// work is a tool with what is asked of it. The error is of what was asked.
func (u *UI) work(name string, ask pages.Ask) (run.Tool, error) {
	if name == "api-test" {
		return u.apiTest, nil
	}
	if !slices.Contains(pages.Tools, name) {
		return nil, errUnknown
	}
	to := pages.Target{Host: strings.TrimSpace(ask.Host), Via: ask.Via}
	var err error
	if to.Interface, err = u.out(ask.Via); err != nil {
		return nil, err
	}
	switch name {
	case "capture":
		return capturing(ask, to)
	case "ping":
		return pinging(ask, to)
	}
	return needs(to, tracing(to))
}

func (u *UI) out(via string) (string, error) {
	if !slices.Contains(u.Vias, via) {
		return "", errors.New("choose an interface")
	}
	return u.Out(via)
}

// needs refuses an empty host.
func needs(to pages.Target, tool run.Tool) (run.Tool, error) {
	if to.Host == "" {
		return nil, errors.New("a host name or an IP address is needed")
	}
	return tool, nil
}

// pinging is F4's Ping.
func pinging(ask pages.Ask, to pages.Target) (run.Tool, error) {
	count, err := number("count", ask.Count, 1, probe.MostPings)
	if err != nil {
		return nil, err
	}
	p := probe.Ping{Interface: to.Interface, Count: count, Interval: time.Second, Timeout: time.Second}
	if err := p.Check(); err != nil {
		return nil, err
	}
	return needs(to, func(ctx context.Context, emit func(any)) (any, error) {
		var err error
		if to.Address, err = probe.LookUp(ctx, to.Host); err != nil {
			return nil, err
		}
		emit(to)
		p.To = to.Address
		return p.Run(ctx, func(r probe.Reply) { emit(r) })
	})
}

func tracing(to pages.Target) run.Tool {
	return func(ctx context.Context, emit func(any)) (any, error) {
		var err error
		if to.Address, err = probe.LookUp(ctx, to.Host); err != nil {
			return nil, err
		}
		emit(to)
		t := probe.Trace{Interface: to.Interface, To: to.Address, Hops: probe.MostHops, Tries: 3, Timeout: time.Second}
		reached, err := t.Run(ctx, func(h probe.Hop) { emit(h) })
		return pages.Traced{Reached: reached}, err
	}
}

// apiTest is F5 to F7.
func (u *UI) apiTest(ctx context.Context, emit func(any)) (any, error) {
	steps, trouble := 0, 0
	err := u.APITest(ctx, func(step apitest.Step) error {
		steps++
		if step.Result == apitest.Failed || step.Result == apitest.Skipped {
			trouble++
		}
		emit(step)
		return nil
	})
	return pages.Tested{Passed: steps > 0 && trouble == 0}, err
}

// shown is how often a capture says how far it is.
const shown = 250 * time.Millisecond

func capturing(ask pages.Ask, to pages.Target) (run.Tool, error) {
	seconds, err := number("time", ask.Seconds, 1, int(capture.MostTime.Seconds()))
	if err != nil {
		return nil, err
	}
	most, err := number("packets", ask.Most, 1, capture.MostPackets)
	if err != nil {
		return nil, err
	}
	if _, err := filter(ask, to.Address); err != nil {
		return nil, err
	}
	return func(ctx context.Context, emit func(any)) (any, error) {
		var err error
		if to.Host != "" {
			if to.Address, err = probe.LookUp(ctx, to.Host); err != nil {
				return nil, err
			}
			emit(to)
		}
		c := capture.Capture{Interface: to.Interface, Time: time.Duration(seconds) * time.Second, Packets: most, Bytes: capture.MostBytes}
		if c.Filter, err = filter(ask, to.Address); err != nil {
			return nil, err
		}
		if err := c.Check(); err != nil {
			return nil, err
		}
		var file bytes.Buffer
		var told time.Time
		result, err := c.Run(ctx, &file, func(r capture.Result) {
			if now := time.Now(); now.Sub(told) >= shown {
				told = now
				emit(r)
			}
		})
		return pages.Captured{Result: result, File: file.Bytes()}, err
	}, nil
}
