package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/disk/power"
	"releve.dev/releve/vsocket/spool"
)

// Issue 5, "Done when": the same, but vSockets lose their power: what their disks
// were not made to write is lost, or half there.
func TestPowerLossLosesNoEvent(t *testing.T) {
	p := newProof(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var wait sync.WaitGroup
	cuts := 0
	for n := range p.size.vsockets {
		random := rand.New(rand.NewPCG(uint64(n), 4))
		// The disks that lose their power, and how often, are spread over all.
		lives := 1 + p.size.kills*(n+1)/p.size.vsockets - p.size.kills*n/p.size.vsockets + random.IntN(3)
		cuts += lives - 1
		wait.Go(func() { p.powerless(ctx, n, lives, random) })
	}
	for i := range p.size.kills {
		p.whenKept(p.size.all() * (i + 1) / (p.size.kills + 1))
		kill(p.manager)
		p.startManager()
	}
	wait.Wait()
	t.Logf("%d power losses", cuts)
	p.judge(cuts)
}

// powerless is a vSocket that loses its power between its lives.
func (p *proof) powerless(ctx context.Context, n, lives int, random *rand.Rand) {
	folder, dial := power.New(), dialUnix(p.dir)
	fail := func(err error) bool {
		if err != nil {
			p.t.Errorf("vSocket %d: %v", n, err)
		}
		return err != nil
	}
	if fail(enrol(ctx, folder, dial, p.keys[n])) {
		return
	}
	folder = folder.Cut(random) // its identity is durable, too
	for life := range lives {
		s, stop, err := live(ctx, folder, dial)
		if fail(err) {
			return
		}
		last := p.size.events
		if life < lives-1 {
			last = p.size.events * (life + 1) / lives
		}
		for number := p.next[n]; number < last; number++ {
			message := fmt.Sprintf("%d/%d/%d", n, life, number)
			if _, err := s.Append(spool.HA, eventOf(message)); fail(err) {
				stop()
				return
			}
			p.keeps(n, number, message)
			<-time.After(rand.N(20 * time.Millisecond))
		}
		if life < lives-1 {
			folder = folder.Cut(random)
			stop()
			continue
		}
		for s.Stats().Total() > 0 && ctx.Err() == nil {
			<-time.After(20 * time.Millisecond)
		}
		stop()
		fail(ctx.Err())
	}
}
