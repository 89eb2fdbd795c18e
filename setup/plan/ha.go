package plan

import (
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// Wanted is what `releve azure ha` was told besides what the facts have.
type Wanted struct {
	Managed     bool   // the manager gives the section ha: only azure is written
	Key         string // new key of the pair, used where it is needed; 32 bytes in base64
	Contributor bool   // the built-in role in place of one of our own
	Routes      bool   // the identity may change routes, for a change of the floating IP
	Tables      bool   // entries that lead to the primary's LAN address are changed
	NoRestart   bool
}

// HA is what makes high availability of two vSockets. The facts must have been
// examined: both LAN NICs are there. What can be taken back without anybody
// noticing comes first.
func HA(w Wanted, f *doctor.Facts) []Step {
	steps := []Step{identityStep(f)}
	if w.Contributor {
		steps = append(steps, assignmentSteps(f, contributor, groups(f))...)
	} else {
		list := needs(f, w.Routes)
		var scopes []string
		for _, n := range list {
			scopes = append(scopes, n.Scope)
		}
		steps = append(steps, roleStep(f, list))
		steps = append(steps, assignmentSteps(f, roleGUID(f), scopes)...)
	}
	for i := range f.Members {
		steps = append(steps, giveIdentity(f, &f.Members[i]))
	}
	fip := f.Wanted.FloatingIP
	if f.Members[1].LAN.Config(fip) == nil { // else the vSockets have moved it there
		steps = append(steps, floatingStep(f))
	}
	steps = append(steps, settingsSteps(f, &w)...)
	if w.Tables {
		steps = append(steps, routeSteps(f, f.Members[0].LAN.Primary().Addr, fip, true)...)
	}
	if !w.NoRestart {
		steps = append(steps, restartSteps(f, &f.Members[1])...)
		steps = append(steps, restartSteps(f, &f.Members[0])...)
	}
	return steps
}

// restartSteps restart a VM once (D8), the standby first, each only when the
// other serves. The tag comes after: a run that was ended in between restarts
// again, which is no harm, where it would be one not to.
func restartSteps(f *doctor.Facts, m *doctor.Member) []Step {
	stamp := derive("restarted", SiteOf(f))
	done := func(is document.Document, _ *Known) bool { return is.Text("tags", TagRestarted) == stamp }
	return []Step{{
		Name: "restart-" + m.Side.String(), ID: m.VM.ID, Why: "the " + m.Side.String() + " starts with its identity and settings (D8)",
		Act: &Act{Post: "restart", Ready: true, Done: done},
	}, {
		Name: "restarted-" + m.Side.String(), ID: m.VM.ID, Why: "a run that goes on doesn't restart the " + m.Side.String() + " again",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is == nil {
				return nil, gone(m.VM.ID)
			}
			shall := is.Clone()
			shall.Set(stamp, "tags", TagRestarted)
			return shall, nil
		},
	}}
}

// Undo takes back what ha made, and only that, the last first. Tags say what it
// was. A part that is gone already is no step's business, so an undo that was
// ended half-way is gone on with. Without guests these keep their settings.
func Undo(f *doctor.Facts, guests bool) []Step {
	var steps []Step
	made := ours(f)
	steps = append(steps, restoreRoutes(f, withNamed(made, f))...)
	for _, side := range [...]int{1, 0} {
		if m := &f.Members[side]; Extended(m) && Runs(m) {
			if guests {
				steps = append(steps, unsetStep(f, m))
			}
			steps = append(steps, removeExtension(f, m))
		}
	}
	for _, side := range [...]int{1, 0} { // the primary's NIC has the tag: it is the last
		if m := &f.Members[side]; m.LAN != nil {
			steps = append(steps, takeFloating(f, m, made))
		}
	}
	for _, id := range assignmentIDs(f) {
		scope, _, _ := strings.Cut(id, "/providers/"+assignments)
		steps = append(steps, Step{Name: "assignment-" + id[len(id)-12:], ID: id, Why: "the identity has no role on " + scope, Change: remove})
	}
	role := roleGUID(f)
	steps = append(steps, Step{Name: "role", ID: groups(f)[0] + "/providers/" + definitions + "/" + role,
		Why: "the role isn't needed any more", Change: remove, Shared: "RoleDefinitionHasAssignments"})
	for _, side := range [...]int{1, 0} {
		if m := &f.Members[side]; m.VM.Found {
			steps = append(steps, takeIdentity(f, m))
		}
	}
	return append(steps, Step{Name: "identity", ID: IdentityID(f), Why: "the identity isn't needed any more", Change: removeMine(f)})
}

func remove(document.Document, *Known) (document.Document, error) { return nil, nil }

// assignmentIDs are the roles that the identity has, and those that ha would give
// it: a run that was ended early has left some that no VM's identity leads to.
func assignmentIDs(f *doctor.Facts) []string {
	var list []string
	add := func(id string) {
		if !slices.ContainsFunc(list, func(other string) bool { return doctor.SameID(other, id) }) {
			list = append(list, id)
		}
	}
	for _, i := range f.Identities {
		if doctor.SameID(i.ID, IdentityID(f)) {
			for _, a := range i.Assignments {
				add(a.ID)
			}
		}
	}
	for _, n := range needs(f, true) {
		add(assignmentID(f, n.Scope, roleGUID(f)))
	}
	for _, group := range groups(f) {
		add(assignmentID(f, group, contributor))
	}
	return list
}

// Made is the floating IP that ha put there, by the tag; the zero address if there
// was one before.
func Made(f *doctor.Facts) netip.Addr {
	if f.Members[0].LAN == nil {
		return netip.Addr{}
	}
	addr, _ := netip.ParseAddr(f.Members[0].LAN.Tags[TagFloating])
	return addr
}

// ours are the floating IPs that undo takes off: that which ha made, and that
// which the vSockets made of it since, when the manager changed it. None, if there
// was one before ha.
func ours(f *doctor.Facts) []netip.Addr {
	if made := Made(f); made.IsValid() {
		return withNamed([]netip.Addr{made}, f)
	}
	return nil
}

// withNamed adds the present floating IP.
func withNamed(list []netip.Addr, f *doctor.Facts) []netip.Addr {
	if fip := f.Wanted.FloatingIP; fip.IsValid() && !slices.Contains(list, fip) {
		list = append(list, fip)
	}
	return list
}

// Extended reports whether a member's VM has the extension of ha.
func Extended(m *doctor.Member) bool { return extensionOf(m) != nil }

// Runs reports whether a member's VM runs: Azure changes no extension, and runs
// nothing, in one that doesn't.
func Runs(m *doctor.Member) bool { return m.VM.Power == "" || m.VM.Power == "running" }
