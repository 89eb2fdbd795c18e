package scenario

import (
	"context"
	"slices"
	"sync"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/client"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// setUpTime is where the time of an administrator's commands has gone. No moment counts
// twice: one in which a guest is at it is the guests', whatever Azure does then; one in
// which Azure answers a call of the administrator's, or has an operation of theirs under
// way, is Azure's; the rest is the commands' own, with all that they wait for nothing.
type setUpTime struct {
	instant  bool // Azure's profile is the one that the promise is of
	commands []world.Stretch
	azure    []world.Stretch
	// guests: from Azure's word to boot, stop or run something until that is done, and
	// from a boot on until the vSocket in the VM is at work.
	guests []world.Stretch
}

func within(list []world.Stretch, at time.Duration) bool {
	return slices.ContainsFunc(list, func(s world.Stretch) bool { return s.From <= at && at < s.To })
}

// sums goes from moment to moment at which something begins or ends.
func (t *setUpTime) sums() (whole, azure, guests time.Duration) {
	var moments []time.Duration
	for _, s := range slices.Concat(t.commands, t.azure, t.guests) {
		moments = append(moments, s.From, s.To)
	}
	slices.Sort(moments)
	for i := 1; i < len(moments); i++ {
		at, length := moments[i-1], moments[i]-moments[i-1]
		if !within(t.commands, at) {
			continue
		}
		whole += length
		switch {
		case within(t.guests, at):
			guests += length
		case within(t.azure, at):
			azure += length
		}
	}
	return whole, azure, guests
}

// report is what is told of it; nil for a site that nobody has set up.
func (t *setUpTime) report() *report.SetUp {
	if t == nil {
		return nil
	}
	whole, azure, guests := t.sums()
	return &report.SetUp{TookMS: report.MS(whole), AzureMS: report.MS(azure), GuestsMS: report.MS(guests), OwnMS: report.MS(whole - azure - guests)}
}

// checkSetUpTime: where Azure is instant, the whole takes no longer than twice what Azure
// and the guests take, who count once each, and never both for one moment. So what the
// commands do themselves, and wait for nothing, is less than what they wait for.
func checkSetUpTime(ev *evidence) []finding {
	t := ev.setUp
	if t == nil {
		return fail(ev.Zero, "nobody has measured the set-up")
	}
	whole, azure, guests := t.sums()
	switch {
	case azure == 0 || guests == 0:
		return fail(ev.Zero, "the set-up took %s, Azure %s of it and the guests %s: it can't have been one", whole, azure, guests)
	case t.instant && whole > 2*(azure+guests):
		return fail(ev.Zero, "the set-up took %.1f s, Azure %.1f s of it and the guests %.1f s: the commands themselves took longer than both",
			whole.Seconds(), azure.Seconds(), guests.Seconds())
	}
	return nil
}

// stopwatch measures a set-up while it goes on.
type stopwatch struct {
	*stage
	time setUpTime
	end  func()

	mu     sync.Mutex
	paired bool // a vSocket is at work once it is one of a pair
	seen   map[time.Duration]bool
}

// lookPace is how exactly it is seen that a vSocket is at work.
const lookPace = 20 * time.Millisecond

func startWatch(s *stage) *stopwatch {
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	w := &stopwatch{stage: s, time: setUpTime{instant: s.w.Profile().Name == profile.Instant.Name}, seen: map[time.Duration]bool{}}
	w.end = func() { cancel(); <-ended }
	go func() {
		defer close(ended)
		ticker := time.NewTicker(lookPace)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.look(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

// look takes down which vSockets have come to work since their VM's last boot.
func (w *stopwatch) look(ctx context.Context) {
	w.mu.Lock()
	paired := w.paired
	w.mu.Unlock()
	for _, g := range w.w.GuestTimes() {
		boots := g.Kind == store.MachineBoot || g.Kind == store.MachineRestart
		if boots && g.To != 0 && !w.seen[g.From] && w.atWork(ctx, g.Node, paired) {
			w.seen[g.From] = true
			w.time.guests = append(w.time.guests, world.Stretch{From: g.From, To: clock.Now()})
		}
	}
}

// atWork is what the commands wait for, too: after its first boot a vSocket enrols, after
// `ha`'s restart it serves, and after the primary's, which is the last, the pair is Ready.
func (w *stopwatch) atWork(ctx context.Context, node string, paired bool) bool {
	if !paired {
		is, err := w.w.Owner().Site(ctx, w.w.Site())
		socket := map[string]*client.Socket{world.Primary: &is.Primary, world.Secondary: is.Secondary}[node]
		return err == nil && socket != nil && socket.State == "registered"
	}
	status := w.w.Agent(ctx, node)
	return status != nil && status.Fit && (status.Role == site.Active || status.Role == site.Standby) && (status.HA.Ready || node == world.Secondary)
}

// pair says that vSockets are one of a pair from now on.
func (w *stopwatch) pair() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paired = true
}

// command measures one of the administrator's.
func (w *stopwatch) command(run func() error) error {
	began := clock.Now()
	err := run()
	w.time.commands = append(w.time.commands, world.Stretch{From: began, To: clock.Now()})
	return err
}

// stop ends the watch, and gathers what the guests and Azure have had to do.
func (w *stopwatch) stop() *setUpTime {
	w.end()
	for _, g := range w.w.GuestTimes() {
		w.time.guests = append(w.time.guests, g.Stretch)
	}
	w.time.azure = w.w.AzureTimes()
	return &w.time
}
