package hub

import (
	"errors"
	"slices"

	"releve.dev/releve/pop/egress"
	"releve.dev/releve/site"
)

// Upstream lets the site's traffic come up by these sides, and no other.
func (h *Hub) Upstream(name string, sides ...site.Side) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, err := h.find(name, sides...)
	if err != nil {
		return err
	}
	before := *s
	s.up = slices.Compact(slices.Sorted(slices.Values(sides)))
	if slices.Equal(before.up, s.up) {
		return nil
	}
	return h.changeFence(map[uint32]*served{s.ID: &before}, map[uint32]*served{s.ID: s})
}

// ranges are what the fence lets in of a site.
func (s *served) ranges() egress.Ranges {
	all := egress.Ranges{}
	if s == nil {
		return all
	}
	for _, side := range s.up {
		all[side] = s.Ranges
	}
	return all
}

// changeFence lets in what some sites may send now, by their numbers, instead of
// what they might before. It is one transaction however many sites there are.
func (h *Hub) changeFence(before, now map[uint32]*served) error {
	add, remove := egress.Ranges{}, egress.Ranges{}
	for id, old := range before {
		difference(remove, old.ranges(), now[id].ranges())
	}
	for id, s := range now {
		difference(add, s.ranges(), before[id].ranges())
	}
	if err := h.fence.Change(add, remove); err != nil {
		return errors.Join(err, h.fence.Replace(h.allRanges()))
	}
	return nil
}

// difference puts into out what is in all and not in but.
func difference(out, all, but egress.Ranges) {
	for side, ranges := range all {
		for _, r := range ranges {
			if !slices.Contains(but[side], r) {
				out[side] = append(out[side], r)
			}
		}
	}
}

func (h *Hub) allRanges() egress.Ranges {
	all := egress.Ranges{}
	for _, s := range h.served {
		difference(all, s.ranges(), nil)
	}
	return all
}
