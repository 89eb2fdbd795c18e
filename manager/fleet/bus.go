package fleet

import (
	"sync"

	"releve.dev/releve/site"
)

// Bus wakes the managers that serve together. It is no truth: what a wake-up says
// is read from the database again, and one that is lost is made good by the next
// sweep.
type Bus interface {
	Publish(Wake)
	// Subscribe calls do with each wake-up, this manager's own too. do doesn't block.
	Subscribe(do func(Wake)) (stop func())
}

// Wake says what to look at.
type Wake struct {
	Settings []site.Serial `json:"settings,omitempty"` // whose settings are others now
	Void     []site.Serial `json:"void,omitempty"`     // which are void
	Status   []string      `json:"status,omitempty"`   // sites whose status is another now
	Events   []string      `json:"events,omitempty"`   // accounts that have new events
	Lost     bool          `json:"lost,omitempty"`     // wake-ups were lost: statuses and events may be others. What is lost of the rest comes by itself
}

// LocalBus is the bus of a manager that serves alone. The zero one is ready.
type LocalBus struct {
	mu   sync.Mutex
	next int
	subs map[int]func(Wake)
}

var _ Bus = (*LocalBus)(nil)

// Publish calls the subscribers before it returns.
func (b *LocalBus) Publish(w Wake) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, do := range b.subs {
		do(w)
	}
}

func (b *LocalBus) Subscribe(do func(Wake)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[int]func(Wake){}
	}
	b.next++
	id := b.next
	b.subs[id] = do
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, id)
	}
}
