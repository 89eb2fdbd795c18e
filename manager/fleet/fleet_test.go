package fleet_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/spool"
)

// From the enrolment key to settings that are applied, and to the next change's.
func TestSavedDeliveredApplied(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1).run()
		w.until(2*time.Second, "applied", func() bool { return v.State().Applied == 1 })
		w.until(time.Second, "the manager knows", func() bool {
			d, ok := w.fleet.Device(v.serial)
			return ok && d.Connected && d.Applied == 1 && d.Delivered == 1 && d.Version == site.Release.String()
		})
		if s := v.Settings(); s.Site != "paris" || s.Ha.FloatingIp != "10.0.0.9" || s.LanIp != "10.0.0.5" || s.Side != contract.Settings_SECONDARY {
			t.Errorf("%v", s)
		}
		w.shelf.do(func(s *shelf) { s.generation = 2 })
		w.bus.Publish(fleet.Wake{Settings: []site.Serial{v.serial}})
		took := w.until(time.Second, "applied anew", func() bool {
			w.shelf.mu.Lock()
			defer w.shelf.mu.Unlock()
			return w.shelf.applied[v.serial] == 2 && w.shelf.delivered[v.serial] == 2
		})
		if took > 200*time.Millisecond {
			t.Errorf("a change took %s", took)
		}
		// A wake-up that is lost is made good by the sweep.
		w.shelf.do(func(s *shelf) { s.generation = 3 })
		w.until(10*time.Minute, "applied by the sweep", func() bool { return v.State().Applied == 3 })
		if w.shelf.seen[v.serial] != 1 {
			t.Errorf("the inventory was told %d times that it was seen", w.shelf.seen[v.serial])
		}
	})
}

// Settings that can't be applied are told with their reason; they are the last
// good ones for the next life, without a manager too.
func TestSettingsOutliveTheManager(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1)
		v.fail = errors.New("no such interface")
		v.run()
		w.until(2*time.Second, "told", func() bool {
			d, _ := w.fleet.Device(v.serial)
			return d.Delivered == 1 && d.Applied == 0 && d.Problem == "no such interface"
		})
		v.stop()
		w.net.SetDown(true)
		v.fail, v.applies = nil, nil
		v.run()
		w.until(time.Second, "applied without a manager", func() bool { return v.State().Applied == 1 && v.State().Delivered == 1 })
		w.net.SetDown(false)
		w.until(5*time.Second, "told without being sent again", func() bool {
			d, _ := w.fleet.Device(v.serial)
			return d.Applied == 1 && d.Problem == ""
		})
		if !slices.Equal(v.applies, []uint64{1}) {
			t.Errorf("applied %v", v.applies)
		}
	})
}

// Each way to be refused has a reason and a message of its own, and changes
// nothing; the key that is good works after all of them.
func TestEnrolmentRefuses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		messages := map[string]contract.Refusal_Reason{}
		refused := func(name string, k site.EnrolKey, want contract.Refusal_Reason) {
			folder := power.New()
			_, err := channel.Enrol(t.Context(), "manager:443", w.dial, folder, k)
			if got := contract.ReasonOf(err); err == nil || got != want {
				t.Errorf("%s: %v, %v instead of %v", name, err, got, want)
				return
			}
			messages[strings.ReplaceAll(err.Error(), string(k.Serial), "")] = want
			if _, err := channel.Open(channel.Config{Folder: folder, Log: quiet}); !errors.Is(err, channel.ErrNotEnrolled) {
				t.Errorf("%s: %v", name, err)
			}
			after(time.Minute)
		}
		good := w.key(1)
		for n, c := range []struct {
			kind inventory.Kind
			want contract.Refusal_Reason
		}{{inventory.Void, contract.Refusal_VOID}, {inventory.Expired, contract.Refusal_EXPIRED}, {inventory.Used, contract.Refusal_USED}} {
			k := w.key(uint64(n) + 10)
			w.shelf.do(func(s *shelf) { s.keys[k.Serial].kind = c.kind })
			refused(string(c.kind), k, c.want)
		}
		wrong := good
		wrong.Secret[7]++
		refused("wrong secret", wrong, contract.Refusal_WRONG_SECRET)
		unknown := good
		unknown.Serial = site.MakeSerial(99)
		refused("unknown", unknown, contract.Refusal_UNKNOWN)
		nobody := good
		nobody.Serial = "nobody"
		refused("no serial number", nobody, contract.Refusal_MALFORMED)
		other := good
		other.Fingerprint[0]++
		if _, err := channel.Enrol(t.Context(), "manager:443", w.dial, power.New(), other); err == nil || !strings.Contains(err.Error(), "fingerprint") {
			t.Errorf("a manager with another authority is believed: %v", err)
		}
		if len(messages) != 6 {
			t.Errorf("messages aren't distinct: %v", messages)
		}
		folder := power.New()
		if _, err := channel.Enrol(t.Context(), "manager:443", w.dial, folder, good); err != nil {
			t.Fatal(err)
		}
		if _, err := channel.Enrol(t.Context(), "manager:443", w.dial, folder, good); err == nil {
			t.Error("enrolled twice")
		}
		refused("second machine", good, contract.Refusal_USED)
		if got := w.kinds(); !slices.Equal(got, []fleet.IncidentKind{fleet.VoidTried, fleet.UsedTried, fleet.UsedTried}) {
			t.Errorf("incidents %v", got)
		}
	})
}

// Guessing a secret is limited by serial number.
func TestGuessingIsLimited(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		k := w.key(1)
		good := k
		tried := map[contract.Refusal_Reason]int{}
		for i := range 30 {
			k.Secret[19] = byte(i + 1)
			_, err := channel.Enrol(t.Context(), "manager:443", w.dial, power.New(), k)
			tried[contract.ReasonOf(err)]++
		}
		if tried[contract.Refusal_WRONG_SECRET] > 6 || tried[contract.Refusal_BUSY] < 24 {
			t.Errorf("%v", tried)
		}
		after(2 * time.Minute)
		if _, err := channel.Enrol(t.Context(), "manager:443", w.dial, power.New(), good); err != nil {
			t.Error(err)
		}
	})
}

// A reply that is lost is given again, to the same key alone.
func TestLostReply(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		k := w.key(1)
		before := power.New()
		unkept := noIdentity{before}
		if _, err := channel.Enrol(t.Context(), "manager:443", w.dial, unkept, k); err == nil {
			t.Fatal("kept")
		}
		first := unkept.Folder
		after(9 * time.Minute)
		second, err := channel.Enrol(t.Context(), "manager:443", w.dial, first, k)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(second.NotAfter); left > 90*24*time.Hour-9*time.Minute+time.Second {
			t.Errorf("another certificate: %s left", left)
		}
	})
}

// noIdentity loses what the manager answers, as a crash before it is kept does.
type noIdentity struct{ *power.Folder }

func (f noIdentity) Rename(from, to string) error {
	if to == "identity.pem" {
		return errors.New("crash")
	}
	return f.Folder.Rename(from, to)
}

// E9: a void serial number is cut off in under a second, is told why, can't come
// back, and doesn't hammer.
func TestVoidIsCutOffE9(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v, other := w.enrolled(1).run(), w.enrolled(2).run()
		w.until(2*time.Second, "both connected", func() bool { return w.fleet.Sessions() == 2 && v.connected() && other.connected() })
		w.shelf.do(func(s *shelf) { s.void = append(s.void, v.serial) })
		w.bus.Publish(fleet.Wake{Void: []site.Serial{v.serial}})
		w.until(time.Second, "cut off", func() bool { return !v.connected() && w.fleet.Sessions() == 1 })
		if v.State().Refused != contract.Refusal_VOID || !strings.Contains(v.State().Problem, "void for ever") {
			t.Errorf("%+v", v.State())
		}
		dials := w.count()
		after(24 * time.Hour)
		if n := w.count() - dials; n > 100 || n < 10 {
			t.Errorf("%d tries in a day", n)
		}
		if w.fleet.Sessions() != 1 || !other.connected() || !slices.Contains(w.kinds(), fleet.VoidTried) {
			t.Errorf("%d sessions, %v", w.fleet.Sessions(), w.kinds())
		}
		// Another manager, or this one after a restart, knows it too.
		v.stop()
		w.stop()
		w.start()
		v.run()
		w.until(5*time.Second, "refused", func() bool { return v.State().Refused == contract.Refusal_VOID })
	})
}

// A void serial number whose device takes nothing in is cut off all the same.
func TestVoidIsCutOffWhoeverStallsE9(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1).run()
		w.until(2*time.Second, "connected", func() bool { return w.fleet.Sessions() == 1 })
		w.net.Lose()
		w.bus.Publish(fleet.Wake{Void: []site.Serial{v.serial}})
		w.until(time.Second, "cut off", func() bool { return w.fleet.Sessions() == 0 })
	})
}

// Heartbeats keep a session alive through a proxy that cuts what is idle for 60 s.
func TestProxyThatCutsIdleStreams(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.net.CutIdle(time.Minute)
		v := w.enrolled(1).run()
		w.until(2*time.Second, "connected", v.connected)
		since, dials := v.State().Since, w.count()
		after(2 * time.Hour)
		if !v.connected() || v.State().Since != since || w.count() != dials {
			t.Errorf("%+v, %d dials more", v.State(), w.count()-dials)
		}
		if d, _ := w.fleet.Device(v.serial); time.Since(d.Heard) > contract.HeartbeatEvery {
			t.Errorf("heard %s ago", time.Since(d.Heard))
		}
	})
}

// A network that swallows everything is noticed at both ends, and the session
// resumed when there is another way.
func TestSilenceEndsASession(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1).run()
		w.until(2*time.Second, "connected", v.connected)
		w.net.Lose()
		w.net.SetDown(true)
		w.until(contract.Silence+contract.HeartbeatEvery+time.Second, "both notice", func() bool { return !v.connected() && w.fleet.Sessions() == 0 })
		if !slices.Contains(w.kinds(), fleet.Lost) {
			t.Errorf("%v", w.kinds())
		}
		w.net.SetDown(false)
		w.until(2*time.Minute, "resumed", func() bool { return v.connected() && w.fleet.Sessions() == 1 })
	})
}

// Whatever breaks, events arrive, and each is kept once.
func TestEventsOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1).run()
		const all = 3000
		for i := range all {
			if _, err := v.spool.Append(spool.HA, fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
				t.Fatal(err)
			}
			switch {
			case i%100 == 50:
				w.net.Cut()
			case i%500 == 250:
				w.shelf.do(func(s *shelf) { s.broken = !s.broken })
			case i%1000 == 700:
				w.stop()
				w.start()
			case i%1000 == 900:
				v.stop()
				v.run()
			}
			after(20 * time.Millisecond)
		}
		w.shelf.do(func(s *shelf) { s.broken = false })
		w.until(5*time.Minute, "all are there", func() bool { return v.spool.Stats().Total() == 0 })
		if n := len(w.shelf.events); n != all {
			t.Errorf("%d events of %d", n, all)
		}
	})
}

// A batch that can't be kept holds up nobody else's.
func TestAnEventThatCantBeKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		bad, good := w.enrolled(1).run(), w.enrolled(2).run()
		for i := range 50 {
			if _, err := bad.spool.Append(spool.HA, []byte(`"poison"`)); err != nil {
				t.Fatal(err)
			}
			if _, err := good.spool.Append(spool.HA, fmt.Appendf(nil, "%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		w.until(10*time.Second, "the good ones are there", func() bool { return good.spool.Stats().Total() == 0 })
		if n := len(w.shelf.events); n != 50 || bad.spool.Stats().Total() != 50 {
			t.Errorf("%d events, %d wait", n, bad.spool.Stats().Total())
		}
	})
}

// A manager that drains sends its devices away over a time, not all at once.
func TestDrain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var all []*vsocket
		for n := range uint64(30) {
			all = append(all, w.enrolled(n+1).run())
			after(time.Second)
		}
		w.until(5*time.Second, "all are connected", func() bool { return w.fleet.Sessions() == len(all) })
		if err := w.fleet.Drain(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if kinds := w.kinds(); len(kinds) > 0 {
			t.Errorf("those who were sent away are told as %v", kinds)
		}
		w.stop()
		w.start()
		var times []time.Duration
		start := time.Now()
		w.until(3*time.Minute, "all are back", func() bool {
			for len(times) < w.fleet.Sessions() {
				times = append(times, time.Since(start))
			}
			return w.fleet.Sessions() == len(all)
		})
		if early := times[len(times)/3]; early < 5*time.Second || times[len(times)-1] > 65*time.Second {
			t.Errorf("they came back after %v", times)
		}
	})
}

// While somebody looks a device reports each second; else only changes.
func TestLive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1).run()
		v.Report([]byte(`{"n":1}`), true)
		w.until(2*time.Second, "the first report", func() bool {
			d, _ := w.fleet.Device(v.serial)
			return string(d.Status) == `{"n":1}`
		})
		reported := func() time.Time {
			d, _ := w.fleet.Device(v.serial)
			return d.Reported
		}
		first := reported()
		v.Report([]byte(`{"n":2}`), false)
		after(time.Minute)
		if reported() != first {
			t.Error("reported though nobody looks")
		}
		changes, stop := w.fleet.Watch(v.serial)
		after(time.Second / 2)
		n := 0
		for end := time.After(10 * time.Second); n >= 0; {
			select {
			case <-changes:
				n++
				continue
			case <-end:
			}
			break
		}
		if d, _ := w.fleet.Device(v.serial); n < 8 || n > 12 || string(d.Status) != `{"n":2}` {
			t.Errorf("%d reports in 10 s, %s", n, d.Status)
		}
		stop()
		after(2 * time.Second)
		last := reported()
		after(time.Minute)
		if reported() != last {
			t.Error("reported after nobody looks any more")
		}
	})
}

// A certificate is renewed at 30 days left, for a new key, without a break.
func TestRenewal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1)
		after(59 * 24 * time.Hour)
		v.run()
		w.until(2*time.Second, "connected", v.connected)
		since, old := v.State().Since, v.State().NotAfter
		after(12 * time.Hour)
		if v.State().NotAfter != old {
			t.Error("renewed too early")
		}
		after(12 * time.Hour)
		w.until(time.Minute, "renewed", func() bool { return time.Until(v.State().NotAfter) > 89*24*time.Hour })
		if v.State().Since != since {
			t.Error("a break")
		}
		v.stop()
		after(60 * 24 * time.Hour) // the old one is over by now
		v.run()
		w.until(2*time.Second, "connected", v.connected)
	})
}

// A copied disk is noticed while the original is there; a machine that comes back
// isn't taken for one.
func TestCloneIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1).run()
		w.until(2*time.Second, "connected", v.connected)
		clone := &vsocket{w: w, serial: v.serial, folder: v.folder, machine: "another", boot: 99}
		clone.run()
		w.until(5*time.Second, "refused", func() bool { return clone.State().Refused == contract.Refusal_CLONE })
		if !v.connected() || !slices.Contains(w.kinds(), fleet.CloneTried) {
			t.Errorf("%+v, %v", v.State(), w.kinds())
		}
		clone.stop()
		v.stop()
		v.run()
		w.until(5*time.Second, "connected again", v.connected)
	})
}

// Without a manager tries become rare, and are spread.
func TestBackoff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.enrolled(1)
		w.net.SetDown(true)
		dials := w.count()
		v.run()
		after(time.Hour)
		if n := w.count() - dials; n < 60 || n > 240 {
			t.Errorf("%d tries in an hour", n)
		}
		w.net.SetDown(false)
		w.until(time.Minute+time.Second, "connected", v.connected)
	})
}
