package presence

import (
	"context"
	"slices"
	"sync"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store/query"
)

// Site is a site's status now. A site that isn't there has an empty one.
func (s *Service) Site(ctx context.Context, account, id string) (status.Site, error) {
	var j *judgement
	err := s.c.Store.View(ctx, func(q *query.Queries) (err error) {
		j, err = s.judge(ctx, q, account, id)
		return err
	})
	if err != nil || j == nil {
		return status.Site{}, err
	}
	if j.news { // nobody has judged it since it is so
		if err := s.judging(ctx, func(*query.Queries) (places, error) { return places{id: account}, nil }); err != nil {
			return status.Site{}, err
		}
	}
	return j.status, nil
}

// watches are those who wait for a site's status to change.
type watches struct {
	mu sync.Mutex
	of map[string][]chan struct{}
}

// Watch gets a value after each change of a site's status, or after several.
func (s *Service) Watch(id string) (changes <-chan struct{}, stop func()) {
	w := &s.watches
	fresh := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[string][]chan struct{}{}
	}
	w.of[id] = append(w.of[id], fresh)
	return fresh, sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.of[id] = slices.DeleteFunc(w.of[id], func(c chan struct{}) bool { return c == fresh })
		if len(w.of[id]) == 0 {
			delete(w.of, id)
		}
	})
}

// Wake tells those who watch that another manager has changed sites' statuses.
func (s *Service) Wake(sites ...string) { s.watches.wake(sites...) }

// WakeAll tells all who watch.
func (s *Service) WakeAll() {
	s.watches.mu.Lock()
	defer s.watches.mu.Unlock()
	for _, all := range s.watches.of {
		for _, c := range all {
			signal(c)
		}
	}
}

func (w *watches) wake(sites ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range sites {
		for _, c := range w.of[id] {
			signal(c)
		}
	}
}
