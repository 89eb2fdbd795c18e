package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/site"
)

// historyOf is how long ago the oldest event is at most.
const historyOf = 300 * 24 * time.Hour

const historyBatch = 10_000

// history keeps events of all vSockets, spread over time: 96 of 100 are of the
// tunnel, as they are where lines are bad.
func (f *furnisher) history(ctx context.Context, howMany int) error {
	random := rand.New(rand.NewPCG(5, 6))
	numbers := map[site.Serial]uint64{}
	for left := howMany; left > 0; left -= historyBatch {
		var batch []events.Sent
		for range min(left, historyBatch) {
			n, side := random.IntN(len(f.estate.Sites)), site.Side(1+random.IntN(2))
			serial := f.estate.Sites[n].VSockets[side-1].Serial
			numbers[serial]++
			e := pastEvent(random, serial, numbers[serial], side)
			body, err := event.Encode(e)
			if err != nil {
				return err
			}
			batch = append(batch, events.Sent{Serial: e.ID.Serial, Boot: e.ID.Boot, Number: e.ID.Number, Body: body})
		}
		kept, err := f.events.Keep(ctx, batch)
		if err == nil && kept.Refused > 0 {
			err = fmt.Errorf("%d of %d events are none", kept.Refused, len(batch))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func pastEvent(random *rand.Rand, serial site.Serial, number uint64, side site.Side) event.Event {
	at := time.Now().Add(-time.Duration(random.Int64N(int64(historyOf)))).UTC().Truncate(time.Millisecond)
	e := event.Event{
		ID: event.ID{Serial: string(serial), Boot: "0000000000000001", Number: number}, Kind: event.Reconnected, Time: at,
		Since: at.Add(-3 * time.Second), Role: side, Version: site.Release, PoP: "pop2",
		Message: fmt.Sprintf("Reconnected to pop2 after %d ms.", random.IntN(5000)), Timeline: fmt.Sprint("site/", number),
	}
	if random.IntN(25) == 0 {
		e.Kind = []event.Kind{event.FailOver, event.HANotReady, event.HAReady, event.Upgraded}[random.IntN(4)]
		e.PoP, e.Reason, e.Message = "", "keepalive", "This vSocket is the master now: its peer was silent."
	}
	if e.Kind.OfSite() {
		e.Slot = event.SlotOf(at)
	}
	return e
}
