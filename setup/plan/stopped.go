package plan

import (
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// Runs reports whether a member's VM runs. In one that doesn't Azure runs nothing,
// and it changes and removes no extension ("Cannot modify extensions in the VM when
// the VM is not running").
func Runs(m *doctor.Member) bool { return m.VM.Power == "" || m.VM.Power == "running" }

// Extended reports whether a member's VM has the extension of ha.
func Extended(m *doctor.Member) bool { return extensionOf(m) != nil }

// leaveGuest takes the settings out of a member's guest, and the extension off its
// VM. One that is stopped is left alone, or started for it and then stopped again;
// what it was is kept in a tag meanwhile, so that a run that goes on stops it, too.
func leaveGuest(f *doctor.Facts, m *doctor.Member, w UndoWanted) []Step {
	was := m.VM.Tags[TagStarted]
	start := !Runs(m) && Extended(m) && w.Start
	var steps []Step
	if start {
		if was == "" {
			was = m.VM.Power
		}
		steps = append(steps, markStarted(m, was), Step{Name: "start-" + m.Side.String(), ID: m.VM.ID,
			Why: "Azure reaches the guest of a VM that runs alone", Act: &Act{Post: "start", Done: never}})
	}
	if Extended(m) && (Runs(m) || start) {
		if !w.NoGuests {
			steps = append(steps, unsetStep(f, m))
		}
		steps = append(steps, removeExtension(f, m))
	}
	if was == "" {
		return steps
	}
	if Runs(m) || start {
		steps = append(steps, stopAgain(m, was))
	}
	return append(steps, markStarted(m, ""))
}

// markStarted writes on a VM what it was before undo started it; "": it wasn't.
func markStarted(m *doctor.Member, was string) Step {
	step := Step{Name: "mark-" + m.Side.String(), ID: m.VM.ID, Why: "a run that goes on stops the " + m.Side.String() + " again"}
	if was == "" {
		step.Name, step.Why = "unmark-"+m.Side.String(), "the "+m.Side.String()+" is as it was"
	}
	step.Change = func(is document.Document, _ *Known) (document.Document, error) {
		if is == nil {
			return nil, gone(m.VM.ID)
		}
		shall := is.Clone()
		if was == "" {
			untag(shall, TagStarted)
		} else {
			shall.Set(was, "tags", TagStarted)
		}
		return shall, nil
	}
	return step
}

// stopAgain leaves a VM that undo has started as it was: a deallocated one costs
// nothing but its disks.
func stopAgain(m *doctor.Member, was string) Step {
	post := "deallocate"
	if strings.HasPrefix(was, "stop") {
		post = "powerOff"
	}
	return Step{Name: "stop-" + m.Side.String(), ID: m.VM.ID, Why: "the " + m.Side.String() + " was " + was + " before",
		Act: &Act{Post: post, Done: func(is document.Document, _ *Known) bool { return is.Text("tags", TagStarted) == "" }}}
}

// Orphaned lists the entries that undo leads back to a member whose VM is stopped:
// nobody will forward what they lead there.
func Orphaned(f *doctor.Facts) []Entry {
	var list []Entry
	fips := withNamed(ours(f), f)
	for _, table := range f.RouteTables {
		before := former(table.Tags, SiteOf(f))
		for _, r := range table.Routes {
			for route, was := range before {
				if strings.EqualFold(r.Name, route) && among(fips, r.Hop.String()) && stopped(f, was) {
					list = append(list, Entry{table.ID, r.Name, r.Prefix})
				}
			}
		}
	}
	return list
}

// stopped reports whether an address is the LAN's of a member that doesn't run.
func stopped(f *doctor.Facts, addr string) bool {
	for i := range f.Members {
		if m := &f.Members[i]; m.LAN != nil && !Runs(m) && m.LAN.Primary().Addr.String() == addr {
			return true
		}
	}
	return false
}
