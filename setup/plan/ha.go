package plan

import (
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
	return append(steps, needlessSteps(f, steps)...)
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
