package ha

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// failback is R13: the intended primary asks for the role back when all has
// been well for the hold time, and the secondary gives it if its own count of
// recent takeovers lets it.
type failback struct {
	since Time // since when all is well; 0: it isn't
	wants bool
	taken []Time // takeovers of the role from the peer, the recent ones
}

// took: this vSocket has taken the role from the peer.
func (f *failback) took(now Time) { f.taken = append(recent(f.taken, now), now) }

// lost: the peer has taken it back; old takeovers are forgotten in time.
func (f *failback) lost(now Time) { f.taken = recent(f.taken, now) }

func recent(times []Time, now Time) []Time {
	kept := times[:0]
	for _, at := range times {
		if now-at < flapMemory {
			kept = append(kept, at)
		}
	}
	return kept
}

// decideFailback is the primary's side.
func (m *Machine) decideFailback(now Time) {
	f := &m.failback
	if !m.wellForFailback(now) {
		f.since, f.wants = 0, false
		return
	}
	if f.since == 0 {
		f.since = now
	}
	if !f.wants && (now >= f.since+m.cfg.Hold || slip.Is(slip.HoldIgnored)) {
		f.wants = true
		m.note("asks for the role back", fmt.Sprintf("all well for %s", m.cfg.Hold))
	}
}

func (m *Machine) wellForFailback(now Time) bool {
	p := &m.peer
	lan := &p.paths[keepalive.LAN]
	return m.cfg.Preempt && m.cfg.Side == site.Primary && m.role == site.Standby && m.fit && m.thirdOK() && m.azure.ok && !m.azure.gaveLately(now) &&
		p.here() && p.msg.Role == site.Active && (p.msg.Steered || slip.Is(slip.EarlyFailback)) && p.msg.ThirdOK && p.msg.AzureOK &&
		p.msg.Granted.Term == m.state.Granted.Term && p.msg.Holds == m.cfg.Generation &&
		(lan.heard && now-lan.at < m.cfg.Silent && m.lanTwoWay(now) || slip.Is(slip.BrokenPathBack))
}

// lanTwoWay: the peer hears us on the LAN path too, as it has said itself, or did
// just before.
func (m *Machine) lanTwoWay(now Time) bool {
	p := &m.peer
	echo := p.msg.Echo[keepalive.LAN]
	return echo.Seq > 0 && echo.Boot == m.boot && echo.Age+now-p.heardAt() < m.cfg.Silent+m.cfg.Keepalive
}

// mayFailBack is the secondary's: each takeover of the last minutes doubles the
// hold, so that a flapping primary backs off.
func (m *Machine) mayFailBack(now Time) string {
	f := &m.failback
	if !m.cfg.Preempt || m.cfg.Side != site.Secondary || !m.peer.here() || !m.peer.msg.Wants || !m.steered.done && !slip.Is(slip.EarlyFailback) {
		return ""
	}
	f.taken = recent(f.taken, now)
	hold := m.cfg.Hold
	for range max(0, len(f.taken)-1) {
		hold = min(2*hold, holdMax)
	}
	if n := len(f.taken); n > 0 && now < f.taken[n-1]+hold && !slip.Is(slip.HoldIgnored) {
		return ""
	}
	return "failback to the primary"
}
