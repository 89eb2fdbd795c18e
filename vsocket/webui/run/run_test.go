package run

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Who watches sees each line, and the end; who comes later sees all at once.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf, tick := NewShelf(time.Now), time.NewTicker(time.Second)
		defer tick.Stop()
		r, err := shelf.Start(t.Context(), "ping", "10.0.0.1", func(ctx context.Context, emit func(any)) (any, error) {
			for i := range 3 {
				emit(i)
				<-tick.C
			}
			return "sum", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for seen := 0; ; {
			state, changed := r.Watch()
			for ; seen < len(state.Lines); seen++ {
				if state.Lines[seen] != seen {
					t.Errorf("line %d is %v", seen, state.Lines[seen])
				}
			}
			if state.Done {
				if seen != 3 || state.Result != "sum" || state.Ended.Sub(r.Began) != 3*time.Second {
					t.Errorf("%d lines, %+v", seen, state)
				}
				break
			}
			<-changed
		}
		if shelf.Last("ping") != r || shelf.Last("trace") != nil {
			t.Error("the last run isn't kept")
		}
	})
}

// One at a time; a stop ends it; another tool doesn't mind.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := NewShelf(time.Now)
		wait := func(ctx context.Context, _ func(any)) (any, error) { <-ctx.Done(); return nil, ctx.Err() }
		first, err := shelf.Start(t.Context(), "ping", nil, wait)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shelf.Start(t.Context(), "ping", nil, wait); !errors.Is(err, ErrBusy) {
			t.Errorf("a second: %v", err)
		}
		if _, err := shelf.Start(t.Context(), "trace", nil, wait); err != nil {
			t.Errorf("another tool: %v", err)
		}
		first.Stop()
		synctest.Wait()
		if state := first.State(); !state.Done || !errors.Is(state.Err, context.Canceled) {
			t.Errorf("stopped: %+v", state)
		}
		if _, err := shelf.Start(t.Context(), "ping", nil, wait); err != nil {
			t.Errorf("after the stop: %v", err)
		}
		shelf.Stop()
	})
}
