package bus

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/site"
)

// hub carries between its ends, until it is cut.
type hub struct {
	mu    sync.Mutex
	cut   bool
	heard map[*end]func([]byte)
	sent  int
	slow  time.Duration
}

type end struct {
	*hub
	broken chan struct{}
}

var errCut = errors.New("cut")

func (h *hub) Send(_ context.Context, message []byte) error {
	<-time.After(h.slow)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cut {
		return errCut
	}
	h.sent++
	for _, take := range h.heard {
		take(message)
	}
	return nil
}

func (*hub) Most() int { return 500 }

func (e *end) Receive(ctx context.Context, ready func(), take func([]byte)) error {
	e.mu.Lock()
	if e.cut {
		e.mu.Unlock()
		return errCut
	}
	e.broken = make(chan struct{})
	e.heard[e] = take
	broken := e.broken
	e.mu.Unlock()
	ready()
	select {
	case <-ctx.Done():
	case <-broken:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.heard, e)
	return errCut
}

func (h *hub) set(cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut = cut
	if cut {
		for e := range h.heard {
			close(e.broken)
		}
	}
}

// manager is one end and all that it heard.
type manager struct {
	*Bus
	mu     sync.Mutex
	heard  []fleet.Wake
	swept  []time.Time // since when
	missed fleet.Wake
}

func (h *hub) manager(t *testing.T) *manager {
	m := &manager{}
	m.Bus = Open(Config{Carrier: &end{hub: h}, Log: slog.New(slog.DiscardHandler),
		Missed: func(_ context.Context, since time.Time) (fleet.Wake, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.swept = append(m.swept, since)
			return m.missed, nil
		}})
	m.Subscribe(func(w fleet.Wake) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.heard = append(m.heard, w)
	})
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func (m *manager) all() fleet.Wake {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all fleet.Wake
	for _, w := range m.heard {
		w.Lost = false
		all = merged(all, w)
	}
	return all
}

func (m *manager) sweeps() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.swept)
}

// Each manager hears each wake-up once: its own before Publish returns, others'
// without waiting for a sweep.
func TestWakesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hub{heard: map[*end]func([]byte){}}
		a, b := h.manager(t), h.manager(t)
		synctest.Wait()
		w := fleet.Wake{Settings: []site.Serial{"RLV-1"}, Void: []site.Serial{"RLV-2"}, Status: []string{"s"}, Events: []string{"e"}}
		a.Publish(w)
		if got := a.all(); !reflect.DeepEqual(got, w) {
			t.Errorf("its own: %+v", got)
		}
		synctest.Wait()
		if got := b.all(); !reflect.DeepEqual(got, w) {
			t.Errorf("the other's: %+v", got)
		}
		n := 0
		for _, w := range a.heard {
			if !w.Lost {
				n++
			}
		}
		if n != 1 {
			t.Errorf("heard %d times: %+v", n, a.heard)
		}
		shut(a, b)
	})
}

func shut(all ...*manager) {
	for _, m := range all {
		_ = m.Close()
	}
}

// While a carrier is slow what is to be said becomes one message, and what is too
// much for one says that all is to be looked at.
func TestMerges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hub{heard: map[*end]func([]byte){}, slow: time.Second}
		a, b := h.manager(t), h.manager(t)
		synctest.Wait()
		before := b.sweeps()
		a.Publish(fleet.Wake{Settings: []site.Serial{"RLV-1"}})
		synctest.Wait() // the carrier has it, and is slow
		for _, s := range []site.Serial{"RLV-2", "RLV-3", "RLV-3"} {
			a.Publish(fleet.Wake{Settings: []site.Serial{s}})
		}
		<-time.After(3 * time.Second)
		if got := b.all().Settings; len(got) != 3 || h.sent != 2 {
			t.Errorf("%v in %d messages", got, h.sent)
		}
		a.Publish(fleet.Wake{Events: []string{strings.Repeat("x", 40)}})
		synctest.Wait()
		for i := range 50 {
			a.Publish(fleet.Wake{Events: []string{strings.Repeat("x", i)}})
		}
		<-time.After(5 * time.Second)
		if n := b.sweeps(); n != before+1 {
			t.Errorf("%d sweeps, %d before", n, before)
		}
		shut(a, b)
	})
}

// A manager that couldn't hear sweeps as soon as it can again; until then it
// sweeps each 30 s or so, and what a sweep finds is heard.
func TestSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hub{heard: map[*end]func([]byte){}}
		a, b := h.manager(t), h.manager(t)
		synctest.Wait()
		b.mu.Lock()
		b.missed = fleet.Wake{Void: []site.Serial{"RLV-9"}}
		b.mu.Unlock()
		h.set(true)
		before := b.sweeps()
		a.Publish(fleet.Wake{Void: []site.Serial{"RLV-9"}})
		<-time.After(5 * time.Minute)
		if n := b.sweeps() - before; n < 8 || n > 13 {
			t.Errorf("%d sweeps in 5 minutes", n)
		}
		before = b.sweeps()
		h.set(false)
		<-time.After(lastWait + time.Millisecond)
		if n := b.sweeps() - before; n < 1 {
			t.Error("no sweep though it may have missed something")
		}
		if got := b.all().Void; len(got) != 1 {
			t.Errorf("found %v", got)
		}
		for _, since := range b.swept {
			if since.After(time.Now().Add(-skew)) {
				t.Error("looked less far back than clocks may differ")
			}
		}
		shut(a, b)
	})
}

// FuzzDecode: whatever comes is a wake-up of somebody, or refused; encoded again
// it stays what it was.
func FuzzDecode(f *testing.F) {
	f.Add(encode("a", fleet.Wake{Settings: []site.Serial{"RLV-1"}, Lost: true}, 1000))
	f.Add([]byte(`{"from":"x","wake":{"void":[1]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decode(text)
		if err != nil {
			return
		}
		again, err := decode(encode(m.From, m.Wake, 1<<30))
		if err != nil || again.From == "" {
			t.Fatalf("%q: %v", text, err)
		}
		if small := encode("me", m.Wake, 300); len(small) > 300 {
			t.Fatalf("%d bytes", len(small))
		}
	})
}
