package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"releve.dev/releve/site"
)

// origin is whose events a serial number's are. It never changes: a serial number
// is of one site's one side, for ever.
type origin struct {
	account string
	site    string // its id
	side    site.Side
}

// origins remembers what has been looked up.
type origins struct {
	mu    sync.Mutex
	known map[string]origin
}

// originOf is false for a serial number that was never given out.
func (k *Keeper) originOf(ctx context.Context, serial string) (origin, bool, error) {
	k.origins.mu.Lock()
	o, known := k.origins.known[serial]
	k.origins.mu.Unlock()
	if known {
		return o, true, nil
	}
	row, err := k.store.Read().VSocketOfAny(ctx, serial)
	if errors.Is(err, sql.ErrNoRows) {
		return origin{}, false, nil
	}
	if err != nil {
		return origin{}, false, fmt.Errorf("whose event it is: %w", err)
	}
	o = origin{account: row.AccountID, site: row.SiteID}
	if o.side, err = site.ParseSide(row.Side); err != nil {
		return origin{}, false, fmt.Errorf("vSocket %s: %w", serial, err)
	}
	k.origins.mu.Lock()
	defer k.origins.mu.Unlock()
	if k.origins.known == nil {
		k.origins.known = map[string]origin{}
	}
	k.origins.known[serial] = o
	return o, true, nil
}
