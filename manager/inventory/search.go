package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"releve.dev/releve/manager/store/query"
)

// Search says which sites of an account are meant. Its zero value is all.
type Search struct {
	Text   string // in the name, or in a vSocket's serial number, in any letters' case
	Tag    string // the site has it; "": any
	Health string // as the site was judged last; "": any. "new" is also who was never judged
}

// Found is a site as a list of many shows it.
type Found struct {
	ID, Name   string
	Native     netip.Prefix
	FloatingIP netip.Addr // zero: high availability is off
	Tags       []string
	Health     string
	Status     string // as it was judged last, in JSON; "": never
}

// mostSearch is longer than a name or a serial number.
const mostSearch = 100

// neverJudged is the health of a site whose vSockets nobody has heard.
const neverJudged = "new"

// Search finds sites, by name. The place in its list is a name.
func (s *Service) Search(ctx context.Context, a Actor, f Search, p Page) (List[Found], error) {
	if len(f.Text) > mostSearch || len(p.After) > mostSearch {
		return List[Found]{}, &Refusal{Kind: Invalid, Field: "q", Message: fmt.Sprintf("search for %d bytes: at most %d", len(f.Text), mostSearch)}
	}
	if f.Tag != "" && checkTag(f.Tag) != "" {
		return List[Found]{}, nil // no site has it, and it might be a pattern
	}
	most := p.most()
	text, args := f.ask(a.Account, storable(p.After), most)
	var list List[Found]
	err := s.store.View(ctx, func(q *query.Queries) (err error) {
		list.Items, err = selectFound(ctx, q, text, args)
		return err
	})
	return list.cut(most, func(f Found) string { return f.Name }), err
}

// ask is one statement for both databases. The index of names gives the order, so
// that it ends when there are enough.
func (f Search) ask(account, after string, most int) (text string, args []any) {
	text = `SELECT site.id, site.name, site.floating_ip, site.tags, network.prefix, COALESCE(judged.health, ''), COALESCE(judged.status, '')
FROM site JOIN network ON network.site_id = site.id AND network.name = '' LEFT JOIN judged ON judged.site_id = site.id
WHERE site.account_id = $1 AND site.name > $2`
	args = []any{account, after}
	if words := strings.ToLower(storable(strings.TrimSpace(f.Text))); words != "" {
		args = append(args, "%"+strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(words)+"%")
		text += fmt.Sprintf(` AND (LOWER(site.name) LIKE $%[1]d ESCAPE '!' OR site.id IN (SELECT vsocket.site_id FROM vsocket
    WHERE vsocket.account_id = $1 AND vsocket.state <> 'void' AND LOWER(vsocket.serial) LIKE $%[1]d ESCAPE '!'))`, len(args))
	}
	if f.Tag != "" {
		args = append(args, f.Tag)
		text += fmt.Sprintf(" AND site.tags LIKE '%% ' || $%d || ' %%'", len(args))
	}
	if f.Health != "" {
		args = append(args, f.Health)
		text += fmt.Sprintf(" AND COALESCE(judged.health, '%s') = $%d", neverJudged, len(args))
	}
	return text + fmt.Sprintf(" ORDER BY site.name LIMIT %d", most+1), args
}

func selectFound(ctx context.Context, q *query.Queries, text string, args []any) (all []Found, err error) {
	rows, err := q.DB().QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("searching for sites: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var f Found
		var floating, native, tags string
		if err := rows.Scan(&f.ID, &f.Name, &floating, &tags, &native, &f.Health, &f.Status); err != nil {
			return nil, fmt.Errorf("searching for sites: %w", err)
		}
		if f.Health == "" {
			f.Health = neverJudged
		}
		f.Tags = readTags(tags)
		f.FloatingIP, f.Native = stored(netip.ParseAddr, floating), stored(netip.ParsePrefix, native)
		all = append(all, f)
	}
	return all, rows.Err()
}

// Healths counts an account's sites by their health.
func (s *Service) Healths(ctx context.Context, a Actor) (map[string]int, error) {
	counts := map[string]int{}
	err := s.store.View(ctx, func(q *query.Queries) error {
		all, err := q.CountSites(ctx, a.Account)
		if err != nil {
			return fmt.Errorf("counting sites: %w", err)
		}
		rows, err := q.HealthCounts(ctx, a.Account)
		if err != nil {
			return fmt.Errorf("counting sites: %w", err)
		}
		clear(counts)
		for _, r := range rows {
			if r.Health != "" {
				counts[r.Health], all = int(r.Sites), all-r.Sites
			}
		}
		counts[neverJudged] += int(all)
		return nil
	})
	return counts, err
}
