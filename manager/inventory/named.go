package inventory

import (
	"context"
	"fmt"

	"releve.dev/releve/manager/store/query"
)

// SiteNamed finds the site that has a name: a list of one, or of none.
func (s *Service) SiteNamed(ctx context.Context, a Actor, name string) (List[Site], error) {
	list := List[Site]{Items: []Site{}}
	err := s.store.View(ctx, func(q *query.Queries) error {
		ids, err := q.SitesNamed(ctx, query.SitesNamedParams{AccountID: a.Account, Name: name})
		if err != nil {
			return fmt.Errorf("looking for site %q: %w", name, err)
		}
		for _, id := range ids {
			d, err := load(ctx, q, a.Account, id)
			if err != nil {
				return err
			}
			list.Items = append(list.Items, d.view())
		}
		return nil
	})
	return list, err
}
