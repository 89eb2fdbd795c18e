package plan

import (
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// UndoWanted is what `releve azure ha undo` was told.
type UndoWanted struct {
	NoGuests bool // the guests keep their settings
	Start    bool // VMs that are stopped are started for it, and stopped again
}

// Undo takes back what ha made, and only that, the last first. Tags say what it
// was. A part that is gone already is no step's business, so an undo that was
// ended half-way is gone on with.
func Undo(f *doctor.Facts, w UndoWanted) []Step {
	var steps []Step
	made := ours(f)
	steps = append(steps, restoreRoutes(f, withNamed(made, f))...)
	for _, side := range [...]int{1, 0} {
		steps = append(steps, leaveGuest(f, &f.Members[side], w)...)
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
