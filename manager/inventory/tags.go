package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/manager/store/query"
)

// mostTags are a site's at most.
const mostTags = 20

// setTags gives the site these tags, in any order and letters' case.
func (e *editing) setTags(tags []string) error {
	var all []string
	for _, t := range tags {
		if t = strings.ToLower(strings.TrimSpace(t)); t == "" {
			continue
		}
		if why := checkTag(t); why != "" {
			return &Refusal{Kind: Invalid, Field: "tags", Message: fmt.Sprintf("tag %q: %s", shortened(t, 40), why)}
		}
		all = append(all, t)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > mostTags {
		return &Refusal{Kind: Invalid, Field: "tags", Message: fmt.Sprintf("%d tags: at most %d", len(all), mostTags)}
	}
	e.tags = all
	return nil
}

// checkTag allows what needs no escaping anywhere: in an address, or where a database
// looks for it.
func checkTag(tag string) string {
	if len(tag) > 32 {
		return "longer than 32 characters"
	}
	for _, c := range tag {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-.:", c) {
			return "only letters from a to z, digits, and - . : may be in it"
		}
	}
	return ""
}

// writtenTags is what Search looks into: a space before and after each.
func writtenTags(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	return " " + strings.Join(tags, " ") + " "
}

// readTags reads what writtenTags wrote.
func readTags(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

// Tags counts an account's sites by their tags.
func (s *Service) Tags(ctx context.Context, a Actor) (map[string]int, error) {
	counts := map[string]int{}
	err := s.store.View(ctx, func(q *query.Queries) error {
		rows, err := q.TagCounts(ctx, a.Account)
		if err != nil {
			return fmt.Errorf("counting sites by tag: %w", err)
		}
		clear(counts)
		for _, r := range rows {
			for _, tag := range readTags(r.Tags) {
				counts[tag] += int(r.Sites)
			}
		}
		return nil
	})
	return counts, err
}
