package bus

import (
	"context"
	"fmt"
	"time"

	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/site"
)

// Missed is a Config's: what a database says has changed since.
func Missed(db *store.Store) func(context.Context, time.Time) (fleet.Wake, error) {
	return func(ctx context.Context, since time.Time) (fleet.Wake, error) {
		changed, err := db.Read().VSocketsChangedSince(ctx, since.UnixMilli())
		if err != nil {
			return fleet.Wake{}, fmt.Errorf("looking for changed settings: %w", err)
		}
		void, err := db.Read().VoidedSince(ctx, since.UnixMilli())
		if err != nil {
			return fleet.Wake{}, fmt.Errorf("looking for void serial numbers: %w", err)
		}
		return fleet.Wake{Settings: serials(changed), Void: serials(void)}, nil
	}
}

func serials(rows []string) []site.Serial {
	all := make([]site.Serial, len(rows))
	for i, r := range rows {
		all[i] = site.Serial(r)
	}
	return all
}
