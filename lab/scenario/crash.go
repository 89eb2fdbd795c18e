package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// quickly are timers with which a site heals in a few seconds. The silence is
// the default's: a shorter one would be this machine's, not the peer's.
func quickly(o *world.Options) {
	set := func(to *time.Duration, d time.Duration) {
		if *to == 0 {
			*to = d
		}
	}
	set(&o.Keepalive, 20*time.Millisecond)
	set(&o.Silent, 300*time.Millisecond)
	set(&o.Hold, 50*time.Millisecond) // each takeover in a row doubles it (R13)
	set(&o.Probe, 100*time.Millisecond)
	if o.Confirm == nil {
		o.Confirm = new(time.Duration)
	}
}

const (
	settle   = 200 * time.Millisecond // for what a moment does last, once it is at rest
	mostTrys = 3                      // of a point that isn't met, or in a lab that is overloaded
)

// playCrashPoints lets the site change its active unharmed, to learn the steps,
// and then once more for each crash point chosen.
func playCrashPoints(s *stage) error {
	var lists [][]Point
	for _, m := range moments {
		if m == Cut && s.ev.Witness {
			continue // the witness hears both, and nobody takes anything
		}
		var plays [2][]taken
		for i := range plays {
			a, err := s.proven("an unharmed "+string(m), m, nil)
			if err != nil {
				return err
			}
			plays[i] = a.steps
		}
		single, both := pointsOf(m, plays[0], plays[1])
		lists = append(lists, single, both)
	}
	list, most, err := s.choice.of(mix(lists...))
	if err != nil {
		return err
	}
	met := 0
	for i := 0; i < len(list) && met < most; i++ {
		r, err := s.hit(list[i])
		if err != nil {
			return err
		}
		if r.Met {
			met++
		}
	}
	if met == 0 {
		s.ev.broken = append(s.ev.broken, fail(clock.Now(), "none of the crash points was met")...)
	}
	return nil
}

// hit plays a crash point and enters it.
func (s *stage) hit(p Point) (report.Point, error) {
	r := report.Point{ID: p.String(), Killed: p.killed(), AwayMS: report.MS(s.choice.away(p))}
	a, err := s.proven("crash point "+r.ID, p.Moment, &p)
	if err != nil && !errors.Is(err, world.ErrTooLate) {
		return r, err
	}
	if r.Met = a.at != 0; r.Met {
		r.HealedMS = report.MS(a.rest - a.at)
		r.OutageMS = a.report.Worst()
	}
	if r.Violations = len(a.found); err != nil {
		r.Violations++ // the bound that has passed
	}
	s.ev.points = append(s.ev.points, played{r, a.at})
	if s.choice.Told != nil {
		s.choice.Told(r)
	}
	return r, err
}

// attempt is one play of a moment.
type attempt struct {
	steps  []taken
	at     time.Duration // when it was struck; 0: it wasn't
	rest   time.Duration // when the site was at rest again
	failed error         // of the kill
	report *report.Report
	found  []finding
}

// proven plays a moment until it proves something: the point, if there is one,
// was met, and the lab wasn't overloaded. What was found is entered under the
// moment's name.
func (s *stage) proven(name string, m Moment, p *Point) (a attempt, err error) {
	for range mostTrys {
		if a, err = s.attempt(m, p); err != nil && !errors.Is(err, world.ErrTooLate) {
			return a, err
		}
		if overload := a.report.LabOverload; overload > 0 {
			s.ev.overload = overload
			if err != nil {
				return a, err
			}
			continue
		}
		s.ev.overload = 0
		for _, f := range a.found {
			f.detail = name + ": " + f.detail
			s.ev.broken = append(s.ev.broken, f)
		}
		if err != nil {
			return a, fmt.Errorf("%s: %w", name, err)
		}
		if p == nil || a.at != 0 || len(a.found) > 0 {
			return a, nil
		}
	}
	if s.ev.overload > 0 {
		return a, fmt.Errorf("%s: %w", name, errOverload)
	}
	return a, nil
}

// errOverload ends a run that the machine is too busy for.
var errOverload = errors.New("the lab itself dropped packets, in each of several tries")

// attempt plays a moment and judges what was seen meanwhile. The error may be
// of a bound that has passed; the attempt is whole then too.
func (s *stage) attempt(m Moment, p *Point) (a attempt, late error) {
	mark := s.w.Mark()
	before, err := snapshot(s.w)
	if err != nil {
		return a, err
	}
	ev := &evidence{Differ: map[string][]string{}, First: world.Primary, Before: s.term(), Lease: s.ev.Lease}
	late = s.moment(m, p, &a)
	if late != nil && !errors.Is(late, world.ErrTooLate) {
		return a, late
	}
	a.rest = clock.Now()
	if err := ev.gather(s.ctx, s.w, before, func() *report.Facts { return s.w.Since(mark) }); err != nil {
		return a, err
	}
	a.report = report.Make(string(m), s.w.Profile().Name, ev.Facts)
	if late == nil {
		a.found = checkInvariants(ev)
	}
	return a, late
}

// moment brings a site at rest into a moment and out of it again, with the
// primary serving in the end. Whoever is killed at the point is started after a
// while, as a service manager would; nothing else is done until it has healed.
func (s *stage) moment(m Moment, p *Point, a *attempt) error {
	cause := map[Moment]string{Takeover: "crash", Cut: "peer-cut", Handover: "wan-cut", Failback: "wan-cut"}[m]
	begin := func() error { return s.fault(world.Primary, cause) }
	if m == Failback {
		if err := steps(begin, func() error { return s.rest(world.Secondary) }); err != nil {
			return err
		}
		begin = s.heal
	}
	struck := s.conductor.arm(p, func() { a.at, a.failed = clock.Now(), s.kill(*p) })
	err := steps(begin, func() error { return s.through(m, struck) })
	a.steps = s.conductor.disarm()
	if err == nil && a.failed == nil && a.at != 0 {
		err = s.revive(*p)
	}
	if err = errors.Join(a.failed, err); err != nil {
		return err
	}
	if m != Failback && !(a.at != 0 && p.revivesAll()) {
		if err := steps(func() error { return s.healed(m) }, s.heal); err != nil {
			return err
		}
	}
	return s.ready(world.Primary)
}

// healed waits until somebody serves while the cause lasts. In a cut both are
// fit, and either may have the term if both were killed.
func (s *stage) healed(m Moment) error {
	if m != Cut {
		return s.rest(m.taker())
	}
	return s.explain(s.await("the site is at rest with either active", func(ctx context.Context) bool {
		return s.w.Rest(ctx, world.Secondary) || s.w.Rest(ctx, world.Primary)
	}))
}

// through waits until the moment is over: it was struck, or the taker is at rest
// and the giver, if it lives, knows.
func (s *stage) through(m Moment, struck <-chan struct{}) error {
	err := s.await("the site is at rest with the "+m.taker()+" active, or struck", func(ctx context.Context) bool {
		select {
		case <-struck:
			return true
		default:
			return s.w.Rest(ctx, m.taker()) && (m != Cut || s.stands(ctx, world.Primary))
		}
	})
	if err != nil {
		return s.explain(err)
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-struck:
	case <-s.ctx.Done():
	}
	return s.ctx.Err()
}

// stands reports whether a vSocket is standby.
func (s *stage) stands(ctx context.Context, node string) bool {
	status := s.w.Agent(ctx, node)
	return status != nil && status.Role == site.Standby
}

// kill ends the point's agents with SIGKILL. Whose step it is waits before it:
// so the other one goes first, and both end at the same moment.
func (s *stage) kill(p Point) error {
	var failed []error
	for _, node := range p.killed() {
		if node != p.Node {
			failed = append(failed, s.fault(node, "kill"))
		}
	}
	return errors.Join(append(failed, s.fault(p.Node, "kill"))...)
}

// revive starts them again.
func (s *stage) revive(p Point) error {
	if err := s.pause(s.choice.away(p)); err != nil {
		return err
	}
	if p.revivesAll() {
		return s.heal()
	}
	var failed []error
	for _, node := range p.killed() {
		failed = append(failed, s.w.Mend(node, "kill"))
	}
	return errors.Join(failed...)
}
