package world

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/control"
)

// Status is the site as it is now.
type Status struct {
	Profile  string                  `json:"profile"`
	VSockets map[string]*site.Status `json:"vsockets"` // null while an agent doesn't answer
	FIP      string                  `json:"floating_ip_on"`
	Address  string                  `json:"floating_ip"`
	Flowing  bool                    `json:"flowing"` // traffic passes both ways
	Faults   []string                `json:"faults"`
	PoP      *PoPStatus              `json:"pop,omitempty"` // in a lab with the cloud
}

// PoPStatus is the PoP in use, by the word of the vSockets, as its kernel shows it.
type PoPStatus struct {
	Name       string `json:"name"`
	Downstream string `json:"downstream"` // the side whose tunnel gets the site's traffic, "" for none
}

// statusTime bounds the question to one agent: a frozen one never answers.
const statusTime = 500 * time.Millisecond

// Agent asks a vSocket for its status; nil if it doesn't answer.
func (w *World) Agent(ctx context.Context, node string) *site.Status {
	if m := w.guestOf(node); m != nil {
		if !m.Running() {
			return nil
		}
	} else if a := w.programs[node]; a == nil || !a.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	status, err := control.Dial(control.Socket(w.runDir(node))).Status(ctx)
	if err != nil {
		return nil
	}
	return &status
}

// Pair asks both vSockets at once.
func (w *World) Pair(ctx context.Context) map[string]*site.Status {
	pair := map[string]*site.Status{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, node := range vsockets {
		wait.Go(func() {
			status := w.Agent(ctx, node)
			mu.Lock()
			defer mu.Unlock()
			pair[node] = status
		})
	}
	wait.Wait()
	return pair
}

// Look gathers the site's status.
func (w *World) Look(ctx context.Context) Status {
	s := Status{Profile: w.Profile().Name, VSockets: w.Pair(ctx), FIP: w.FIPHolder(), Address: azuresite.FloatingIP.String(),
		Flowing: w.probe.Flowing(flowTime), Faults: w.Active()}
	if w.opt.Cloud {
		s.PoP = &PoPStatus{Name: w.inUse(s.VSockets)}
		for _, step := range w.Downstream(clock.Now()) {
			if step.PoP == s.PoP.Name {
				s.PoP.Downstream = names(step.Sides)
			}
		}
	}
	return s
}

// inUse is the PoP to which the active's tunnel leads; if nobody says that it is
// active, the other's; if nobody says anything, the first.
func (w *World) inUse(pair map[string]*site.Status) string {
	pop := w.cloud.pops[0].node
	for _, node := range vsockets {
		s := pair[node]
		if s == nil || s.Tunnel == nil {
			continue
		}
		if pop = s.Tunnel.PoP; s.Role == site.Active {
			break
		}
	}
	return pop
}

// flowTime is for how long a direction without an arrival still counts as flowing.
const flowTime = 50 * time.Millisecond

// Status is Look for the console.
func (w *World) Status(ctx context.Context) (json.RawMessage, error) {
	return json.Marshal(w.Look(ctx))
}

// Rest reports whether the site is at rest with that vSocket active: it
// serves, its steering is done, Azure delivers the floating IP to it, nothing
// is under way in Azure, and traffic passes.
func (w *World) Rest(ctx context.Context, active string) bool {
	s := w.Agent(ctx, active)
	return s != nil && s.Master && s.Role == site.Active && s.FIP.Steered && w.FIPHolder() == active && w.Quiet() && w.probe.Flowing(flowTime)
}

// Ready reports whether the site is at rest with that vSocket active and the
// other one as its standby, HA Ready on both (F1).
func (w *World) Ready(ctx context.Context, active string) bool {
	if !w.Rest(ctx, active) {
		return false
	}
	for node, s := range w.Pair(ctx) {
		if s == nil || !s.HA.Ready || node != active && s.Role != site.Standby {
			return false
		}
	}
	return true
}
