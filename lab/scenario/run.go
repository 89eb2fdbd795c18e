package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
)

// Watcher is told of a run as it goes on; all of its methods are called in order.
type Watcher interface {
	Rising()           // the site is being brought up
	Up(w *world.World) // it is at rest, and measured from now on
	Over()             // it was played, and still stands; maybe called again
}

// Options are those of the lab that the scenario is played in: what the user says, and
// what the row wants.
func (s *Scenario) Options(opt world.Options) world.Options {
	opt.Bare = s.setUp != nil
	opt.Zones, opt.WithoutHA, opt.Cloud = s.Zones, s.Alone, opt.Cloud || s.Cloud
	opt.PoPs = max(opt.PoPs, s.PoPs)
	opt.Managed, opt.OneOnly = (opt.Managed || s.Managed) && !s.Alone, s.OneOnly // a manager would give them HA settings
	if opt.Hold == 0 {
		opt.Hold = s.hold
	}
	return opt
}

// Run plays a scenario and judges it. An error means that it couldn't be
// played; broken promises are in the report.
func Run(ctx context.Context, s *Scenario, opt world.Options, watch Watcher) (*report.Report, error) {
	opt = s.Options(opt)
	wanted := opt.Profile
	conductor := new(conductor)
	if s.pointwise {
		quickly(&opt)
		opt.Before = conductor.before
	}
	watch.Rising()
	w, err := rise(ctx, opt)
	if err != nil {
		return nil, err
	}
	defer w.Down()
	w.SetProfile(wanted)
	ev := &evidence{Differ: map[string][]string{}}
	if !s.Alone {
		ev.First = world.Primary
	}
	st := &stage{ctx: ctx, w: w, ev: ev, choice: s.Choice, conductor: conductor}
	if s.setUp != nil {
		if err := s.setUp(st); err != nil {
			return nil, fmt.Errorf("set the site up: %w", err)
		}
	}
	before, err := snapshot(w)
	if err != nil {
		return nil, err
	}
	ev.Before, ev.Lease = st.term(), w.Lease()
	ev.Witness = opt.Cloud && opt.Third != config.ThirdARM
	w.Begin()
	watch.Up(w)
	defer watch.Over() // also where the run is given up
	late := s.play(st)
	if late != nil && !errors.Is(late, world.ErrTooLate) && !errors.Is(late, errOverload) {
		return nil, late
	}
	watch.Over()
	if err := ev.gather(ctx, w, before, w.Finish); err != nil {
		return nil, err
	}
	return ev.judge(s, wanted.Name, late), nil
}

// Up brings a site up and to rest, in no time of Azure's.
func Up(ctx context.Context, opt world.Options) (*world.World, error) {
	wanted := opt.Profile
	w, err := rise(ctx, opt)
	if err == nil {
		w.SetProfile(wanted)
		w.Begin()
	}
	return w, err
}

// rise waits for the site's first rest. Nobody wants to wait for Azure there.
func rise(ctx context.Context, opt world.Options) (*world.World, error) {
	opt.Profile = profile.Instant
	w, err := world.Up(opt)
	if err != nil {
		return nil, err
	}
	s := &stage{ctx: ctx, w: w}
	if opt.Bare {
		return w, nil // there is nothing yet that could rest
	}
	if opt.Cloud { // first: what is at rest on a busy machine may not be so for long
		err = s.crosses()
	}
	switch {
	case err != nil:
	case opt.WithoutHA, opt.OneOnly:
		err = s.explain(s.await("traffic passes", func(ctx context.Context) bool { return w.Look(ctx).Flowing }))
	default:
		err = s.ready(world.Primary)
	}
	if err == nil && opt.Managed && !opt.OneOnly {
		err = s.reports("HA Ready", isReady)
	}
	if err != nil { // explained while the site still stands
		w.Down()
		return nil, fmt.Errorf("the site doesn't come to rest: %w", err)
	}
	return w, nil
}

func (s *stage) term() site.Term {
	if status := s.w.Agent(s.ctx, world.Primary); status != nil {
		return status.Term
	}
	return 0
}

func snapshot(w *world.World) (map[string][]byte, error) {
	bodies := map[string][]byte{}
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		body, err := w.NIC(side)
		if err != nil {
			return nil, err
		}
		bodies[side.String()] = body
	}
	return bodies, nil
}

// gather takes down the end of the run, and then its measurements.
func (ev *evidence) gather(ctx context.Context, w *world.World, before map[string][]byte, facts func() *report.Facts) error {
	_ = w.Await(ctx, "one vSocket is active", endTime, func(ctx context.Context) bool {
		ev.says(w.Pair(ctx))
		return len(ev.Active) == 1
	}) // what is found then is judged
	after, err := snapshot(w)
	if err != nil {
		return err
	}
	for node, body := range before {
		if ev.Differ[node], err = azuresite.Differences(body, after[node]); err != nil {
			return err
		}
		if holdsFIP(after[node]) {
			ev.ARMHolders = append(ev.ARMHolders, node)
		}
	}
	slices.Sort(ev.ARMHolders)
	if ev.Floating, err = azuresite.FloatingDifferences(slices.Collect(maps.Values(before)), slices.Collect(maps.Values(after))); err != nil {
		return err
	}
	if len(ev.readdressed) > 0 {
		ev.Floating = nil // it was taken away and made anew
	}
	ev.Holder, ev.Operations, ev.TooEarly = w.FIPHolder(), w.ARM().Operations(), w.ARM().Violations()
	ev.Downstream = w.Downstream(w.Begun())
	ev.Facts = facts()
	ev.Facts.Events, ev.Facts.SetUp = ev.events, ev.setUp.report()
	ev.addCuts()
	slices.SortStableFunc(ev.Entries, func(a, b entry) int { return int(a.At - b.At) })
	return nil
}

// endTime is how long the end is looked for: a machine that is busy suspends the
// active for a moment, and ha.md 5.3 is of a site that is quiet.
const endTime = 3 * time.Second

// says takes down what the vSockets say of themselves.
func (ev *evidence) says(pair map[string]*site.Status) {
	ev.Active, ev.PoPs = nil, nil
	for _, node := range vsockets {
		status := pair[node]
		if status == nil {
			continue
		}
		ev.After = max(ev.After, status.Term)
		if status.Tunnel != nil {
			ev.PoPs = append(ev.PoPs, status.Tunnel.PoP)
		}
		if status.Role == site.Active {
			ev.Active = append(ev.Active, node)
		}
	}
}

// holdsFIP reports whether a NIC's body has the floating IP.
func holdsFIP(body []byte) bool {
	var nic struct {
		Properties struct {
			IPConfigurations []struct {
				Properties struct {
					PrivateIPAddress string `json:"privateIPAddress"`
				} `json:"properties"`
			} `json:"ipConfigurations"`
		} `json:"properties"`
	}
	if json.Unmarshal(body, &nic) != nil {
		return false
	}
	for _, c := range nic.Properties.IPConfigurations {
		if c.Properties.PrivateIPAddress == fip.String() {
			return true
		}
	}
	return false
}

// inTime is the property of what the play waits for.
const inTime = "ha.md 5.7: somebody serves in time"

// judge makes the report. Late is the bound that passed while it was played.
func (ev *evidence) judge(s *Scenario, profile string, late error) *report.Report {
	r := report.Make(s.Name, profile, ev.Facts)
	ev.Report = r
	add := func(f finding) {
		r.Violations = append(r.Violations, report.Violation{Property: f.property, AtMS: report.MS(f.at - ev.Zero), Detail: f.detail,
			Timing: f.property == row || f.property == inTime})
	}
	if s.pointwise {
		r.LabOverload = ev.overload
		for _, p := range ev.points {
			if p.Met {
				p.AtMS = report.MS(p.at - ev.Zero)
			}
			r.Points = append(r.Points, p.Point)
		}
	}
	if late != nil && r.LabOverload == 0 {
		add(finding{inTime, ev.end(), late.Error()})
	}
	for _, f := range checkAll(s, ev) {
		add(f)
	}
	r.OK = len(r.Violations) == 0 && r.LabOverload == 0
	return r
}
