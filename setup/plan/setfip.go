package plan

import (
	"net/netip"
	"time"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// linger is how long no route may have led to the former floating IP before it goes:
// Azure's network follows its route tables with a delay, and packets are on their way.
const linger = 30 * time.Second

// SetFIP changes the floating IP of a pair with the traffic kept up. The facts
// have the present one. The vSockets do what is theirs (docs/manager.md, "Another
// floating IP"): the active adds the new address beside the former one, and takes
// that off when it is told that no route leads there. Between the two the routes are
// changed here, and the vSockets told, as their identity may not even read the tables
// (D12). With a manager it has given them the address; without one their settings are
// changed first.
func SetFIP(w Wanted, f *doctor.Facts, to netip.Addr) []Step {
	from := f.Wanted.FloatingIP
	if from == to {
		return nil
	}
	var steps []Step
	if !w.Managed {
		then := *f
		then.Wanted.FloatingIP = to
		steps = append(steps, Step{Name: "identity", ID: IdentityID(f), Why: "the identity that both vSockets ask Azure as (D5)",
			Change: func(is document.Document, _ *Known) (document.Document, error) {
				if is == nil {
					return nil, gone(IdentityID(f))
				}
				return is, nil
			}, Learn: learnIdentity})
		steps = append(steps, settingsSteps(&then, &w)...)
	}
	active, other := &f.Members[0], &f.Members[1]
	if other.LAN.Config(from) != nil || other.LAN.Config(to) != nil {
		active, other = other, active
	}
	steps = append(steps, Step{Name: "added", ID: active.LAN.ID, Why: "the active vSocket has added " + to.String(), Act: &Act{Done: holds(to, true)}})
	steps = append(steps, routeSteps(f, from, to, false)...)
	if table := lastTable(f, from, to); table != nil {
		steps = append(steps, Step{Name: "unnamed", ID: table.ID, Why: "no route leads to " + from.String() + " any more, and Azure's network knows it",
			Act: &Act{Done: func(is document.Document, _ *Known) bool { return len(hops(is, from)) == 0 }, For: linger}})
	}
	for _, m := range [...]*doctor.Member{other, active} { // who takes over in between knows it, too
		if Runs(m) && (on(active, from) || on(other, from)) {
			steps = append(steps, wordStep(m, from))
		}
	}
	for _, m := range [...]*doctor.Member{active, other} {
		steps = append(steps, Step{Name: "removed-" + m.Side.String(), ID: m.LAN.ID, Why: from.String() + " isn't on the LAN NIC of the " + m.Side.String(),
			Act: &Act{Done: holds(from, false)}})
	}
	return append(steps, Step{Name: "tag", ID: f.Members[0].LAN.ID, Why: "undo knows which address is ha's",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is.Text("tags", TagFloating) == "" {
				return is, nil
			}
			shall := is.Clone()
			shall.Set(to.String(), "tags", TagFloating)
			return shall, nil
		}})
}

// Former is the floating IP from which one was left that the manager, or a tag, has
// forgotten already: the only address of the LAN NICs besides their own and to.
func Former(f *doctor.Facts, to netip.Addr) netip.Addr {
	var found netip.Addr
	for i := range f.Members {
		if f.Members[i].LAN == nil {
			continue
		}
		for _, c := range f.Members[i].LAN.Configs {
			switch {
			case c.Primary || c.Addr == to || c.Addr == found:
			case found.IsValid():
				return netip.Addr{} // there are several, and nobody knows which
			default:
				found = c.Addr
			}
		}
	}
	return found
}

func on(m *doctor.Member, addr netip.Addr) bool { return m.LAN.Config(addr) != nil }

// holds: a NIC has an address, or hasn't.
func holds(addr netip.Addr, there bool) func(document.Document, *Known) bool {
	return func(is document.Document, _ *Known) bool { return (configAt(is, addr) != nil) == there }
}

// lastTable is the one whose routes are led from one address to the other last, also
// if a run before this has done it.
func lastTable(f *doctor.Facts, addrs ...netip.Addr) *doctor.RouteTable {
	for _, addr := range addrs {
		list := Leading(f, addr)
		for i := len(f.RouteTables) - 1; i >= 0 && len(list) > 0; i-- {
			if doctor.SameID(f.RouteTables[i].ID, list[len(list)-1].Table) {
				return &f.RouteTables[i]
			}
		}
	}
	return nil
}

// wordStep is a person's word, which a vSocket takes that can't read the tables.
func wordStep(m *doctor.Member, from netip.Addr) Step {
	script := document.Document{"commandId": "RunShellScript", "script": []any{"releve-vsocket fip-moved"}}
	return Step{Name: "told-" + m.Side.String(), ID: m.VM.ID, Why: "the " + m.Side.String() + " knows that no route leads to " + from.String(),
		Act: &Act{Post: "runCommand", Body: script, Done: never}}
}
