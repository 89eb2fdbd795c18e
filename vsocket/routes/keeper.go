package routes

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Keeper keeps it as it shall be. A DHCP client that starts anew may take rules away
// that it doesn't know (systemd-networkd does, unless told not to), and an interface
// that goes down takes its routes along.
type Keeper struct {
	mu   sync.Mutex
	want Want
	told string
}

// keepPace is how soon what was taken away is back.
const keepPace = 3 * time.Second

// Use says how it shall be from now on, and makes it so.
func (k *Keeper) Use(want Want) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.want = want
	k.settle()
}

// Run keeps it so until ctx ends. What can't be done is told once, and tried again.
func (k *Keeper) Run(ctx context.Context) {
	pace := time.NewTicker(keepPace)
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
			k.again()
		case <-ctx.Done():
			return
		}
	}
}

// again has nothing to do where the routes are somebody else's.
func (k *Keeper) again() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.want.WAN.Name != "" {
		k.settle()
	}
}

// settle is called with the lock held.
func (k *Keeper) settle() {
	text := ""
	if err := Settle(k.want); err != nil {
		text = err.Error()
	}
	if text != k.told && text != "" {
		slog.Error("routing rules can't be kept", "error", text)
	}
	k.told = text
}
