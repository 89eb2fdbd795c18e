package scenario

import (
	"testing"
	"time"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
)

// setUpTimes is a set-up of two commands, of 10 s and 5 s: the guests have 8 s of them,
// Azure 4 s, and the commands themselves 3 s.
func setUpTimes() *evidence {
	s := func(from, to int) world.Stretch {
		return world.Stretch{From: time.Duration(from) * sec, To: time.Duration(to) * sec}
	}
	return &evidence{Facts: &report.Facts{}, setUp: &setUpTime{instant: true,
		commands: []world.Stretch{s(10, 20), s(30, 35)},
		azure:    []world.Stretch{s(10, 11), s(10, 12), s(11, 16), s(22, 29), s(18, 19), s(34, 36)},
		guests:   []world.Stretch{s(12, 16), s(13, 15), s(5, 9), s(16, 17), s(31, 34), s(50, 0)},
	}}
}

// No moment counts twice, and none between the commands.
func TestTheTimeOfASetUpIsSummedHonestly(t *testing.T) {
	whole, azure, guests := setUpTimes().setUp.sums()
	if whole != 15*sec || guests != 8*sec || azure != 4*sec {
		t.Errorf("the whole %s, guests %s, Azure %s", whole, guests, azure)
	}
	want := report.SetUp{TookMS: 15000, GuestsMS: 8000, AzureMS: 4000, OwnMS: 3000}
	if got := setUpTimes().setUp.report(); *got != want {
		t.Errorf("reported: %+v", got)
	}
}

// The commands may take as long as what they wait for themselves, and no longer: a blind
// wait is found.
func TestTheTimeOfASetUpIsJudged(t *testing.T) {
	if found := checkSetUpTime(setUpTimes()); found != nil {
		t.Errorf("a good run: %v", found)
	}
	longer := func(ev *evidence, by int) { ev.setUp.commands[1].To += time.Duration(by) * sec } // Azure has one of them
	for what, c := range map[string]struct {
		spoil func(*evidence)
		bad   bool
	}{
		"as long as what it waits for": {func(ev *evidence) { longer(ev, 11) }, false},
		"a wait":                       {func(ev *evidence) { longer(ev, 12) }, true},
		"a wait where Azure is slow":   {func(ev *evidence) { longer(ev, 12); ev.setUp.instant = false }, false},
		"a guest that is at it":        {func(ev *evidence) { longer(ev, 12); ev.setUp.guests[4].To += 3 * sec }, false},
		"nothing of Azure":             {func(ev *evidence) { ev.setUp.azure = nil }, true},
		"nothing of guests":            {func(ev *evidence) { ev.setUp.guests = nil }, true},
		"not measured":                 {func(ev *evidence) { ev.setUp = nil }, true},
	} {
		ev := setUpTimes()
		if c.spoil(ev); len(checkSetUpTime(ev)) > 0 != c.bad {
			t.Errorf("%s: found %v", what, checkSetUpTime(ev))
		}
	}
}
