package plan

import (
	"net/netip"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// SetFIP changes the floating IP of a pair with the traffic kept up. The facts
// have the present one. The vSockets do what is theirs (docs/manager.md, "Another
// floating IP"): the active adds the new address beside the former one, and takes
// that off when no route names it. Between the two the routes are changed here,
// as the identity needs no rights on them. With a manager it has told the
// vSockets; without one their settings are changed first.
func SetFIP(w Wanted, f *doctor.Facts, to netip.Addr) []Step {
	var steps []Step
	from := f.Wanted.FloatingIP
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
	active := &f.Members[0]
	if f.Members[1].LAN.Config(from) != nil || f.Members[1].LAN.Config(to) != nil {
		active = &f.Members[1]
	}
	on := func(addr netip.Addr, there bool) func(document.Document, *Known) bool {
		return func(is document.Document, _ *Known) bool { return (configAt(is, addr) != nil) == there }
	}
	steps = append(steps, Step{Name: "added", ID: active.LAN.ID, Why: "the active vSocket has added " + to.String(), Act: &Act{Done: on(to, true)}})
	steps = append(steps, routeSteps(f, from, to, false)...)
	steps = append(steps, Step{Name: "removed", ID: active.LAN.ID, Why: "the active vSocket has taken " + from.String() + " off", Act: &Act{Done: on(from, false)}})
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
