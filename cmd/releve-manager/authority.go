package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"releve.dev/releve/manager/store/query"
)

// sameAuthority refuses to serve a database whose vSockets another certificate
// authority has signed: they would believe this manager no more than it them.
func (m *manager) sameAuthority(ctx context.Context, anew bool) error {
	const name = "authority"
	ours, other := fmt.Sprintf("%x", m.authority.Fingerprint()), false
	err := m.store.InTx(ctx, func(q *query.Queries) error {
		theirs, err := q.Installation(ctx, name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if other = err == nil && theirs != ours; other && !anew {
			return nil
		}
		return q.PutInstallation(ctx, query.PutInstallationParams{Name: name, Value: ours})
	})
	switch {
	case err != nil:
		return fmt.Errorf("which certificate authority the database's managers have: %w", err)
	case other && !anew:
		return errors.New("the database is of managers with another certificate authority, which its vSockets believe\n" +
			"hint: copy authority/ from their data directory into this one; if it is lost, --new-authority, and every vSocket has to enrol anew")
	}
	return nil
}
