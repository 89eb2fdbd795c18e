// Package history keeps what vSockets measure over time: throughput, latency, loss,
// who was Master, in buckets that a rule of retention makes wider and then drops.
//
// A manager gathers its vSockets' samples in memory and writes a bucket when it is
// over. A crash loses the buckets that aren't, some minutes: figures are the first
// that may be lost, and events the last. Two managers that had a vSocket in one
// span add to one bucket.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"releve.dev/releve/manager/pause"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// Config is what a Service works with.
type Config struct {
	Store *store.Store
	Rules status.Rules     // nil: status.DefaultRules
	Now   func() time.Time // nil: the clock
	Log   *slog.Logger
}

// Service keeps it.
type Service struct {
	c     Config
	pause func(context.Context, time.Duration) error // between two parts
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu   sync.Mutex
	open map[site.Serial]*gathered
	full []bucket // that are over, and to be written
}

// gathered is a vSocket's buckets that aren't over.
type gathered struct {
	bucket  status.Bucket
	closely status.Bucket // the same by status.Closely
	counter status.Counter
}

// bucket is one that is to be written.
type bucket struct {
	serial site.Serial
	width  time.Duration
	status.Bucket
}

const (
	writeEvery = 10 * time.Second
	spread     = 30 * time.Second // in which what has ended together is written
	grace      = 30 * time.Second // after its end, for the last sample
	mostInTx   = 100
	mostFull   = 100_000 // buckets that wait for a database that is away
)

// Open begins to gather.
func Open(c Config) (*Service, error) {
	if c.Rules == nil {
		c.Rules = status.DefaultRules()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := c.Rules.Check(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{c: c, pause: pause.For, stop: stop, open: map[site.Serial]*gathered{}}
	s.done.Go(func() { s.run(ctx) })
	return s, nil
}

// Close writes what there is.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	s.finish(func(*status.Bucket, time.Duration) bool { return true })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.write(ctx, 0)
}

func (s *Service) width() time.Duration { return s.c.Rules[0].Width }

// Note takes a sample of a vSocket's status. It doesn't block.
func (s *Service) Note(serial site.Serial, at time.Time, said *site.Status) {
	sample := status.SampleOf(at, said)
	counter, counts := status.CounterOf(at, said)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.open[serial]
	if g == nil {
		g = &gathered{}
		s.open[serial] = g
	}
	if counts {
		sample.Since(g.counter, counter)
		g.counter = counter
	}
	s.gather(serial, &g.bucket, s.width(), sample)
	s.gather(serial, &g.closely, status.Closely.Width, sample)
}

// gather puts a sample into a bucket, or begins the next. It needs the lock.
func (s *Service) gather(serial site.Serial, open *status.Bucket, width time.Duration, sample status.Sample) {
	series := []status.Bucket{}
	if open.Samples > 0 {
		series = append(series, *open)
	}
	series = status.Fold(series, width, sample)
	for _, b := range series[:len(series)-1] {
		s.over(serial, width, b)
	}
	*open = series[len(series)-1]
}

// over needs the lock. What was looked at by nobody isn't kept closely.
func (s *Service) over(serial site.Serial, width time.Duration, b status.Bucket) {
	if len(s.full) < mostFull && (width != status.Closely.Width || status.Close(&b)) {
		s.full = append(s.full, bucket{serial, width, b})
	}
}

// finish ends the buckets that are over, and forgets vSockets that say nothing
// more.
func (s *Service) finish(over func(b *status.Bucket, width time.Duration) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for serial, g := range s.open {
		if g.closely.Samples > 0 && over(&g.closely, status.Closely.Width) {
			s.over(serial, status.Closely.Width, g.closely)
			g.closely = status.Bucket{}
		}
		switch {
		case g.bucket.Samples > 0 && over(&g.bucket, s.width()):
			s.over(serial, s.width(), g.bucket)
			g.bucket = status.Bucket{}
		case g.bucket.Samples == 0 && s.c.Now().Sub(g.counter.At) > time.Hour:
			delete(s.open, serial)
		}
	}
}

func (s *Service) run(ctx context.Context) {
	ticker := time.NewTicker(writeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.finish(s.ended)
		if err := s.write(ctx, spread); err != nil && ctx.Err() == nil {
			s.c.Log.Warn("figures over time aren't kept; tried again", slog.Any("reason", err))
		}
	}
}

// ended: the last sample of a bucket may be a little late.
func (s *Service) ended(b *status.Bucket, width time.Duration) bool {
	return s.c.Now().Sub(b.Start) > width+min(grace, width/2)
}

// write writes what is over, evenly within a time. All vSockets' buckets end
// together: written as fast as the database takes them, those of 10,000 keep a core
// busy for seconds, and whoever asks for a page waits.
func (s *Service) write(ctx context.Context, within time.Duration) error {
	s.mu.Lock()
	parts := 1 + len(s.full)/mostInTx
	s.mu.Unlock()
	for {
		s.mu.Lock()
		part := s.full[:min(len(s.full), mostInTx)]
		s.full = s.full[len(part):]
		left := len(s.full)
		s.mu.Unlock()
		if len(part) == 0 {
			return nil
		}
		if err := s.add(ctx, part); err != nil {
			s.mu.Lock()
			s.full = append(s.full, part...)
			s.mu.Unlock()
			return err
		}
		if left > 0 {
			if err := s.pause(ctx, within/time.Duration(parts)); err != nil {
				return err
			}
		}
	}
}

// add adds buckets to what is there of the same span.
func (s *Service) add(ctx context.Context, all []bucket) error {
	return s.c.Store.InTx(ctx, func(q *query.Queries) error {
		if err := s.c.Store.LockTable(ctx, q, "bucket_turn"); err != nil {
			return err
		}
		for i := range all {
			if err := s.addOne(ctx, q, &all[i]); err != nil {
				return fmt.Errorf("writing what %s measured: %w", all[i].serial, err)
			}
		}
		return nil
	})
}

// addOne writes one, which is rarely there already: of another manager, or of this
// one's life before.
func (s *Service) addOne(ctx context.Context, q *query.Queries, b *bucket) error {
	seconds, start := int64(b.width/time.Second), b.Start.UnixMilli()
	n, err := q.NewBucket(ctx, query.NewBucketParams{Serial: string(b.serial), Width: seconds, StartAt: start, Figures: b.Pack()})
	if err != nil || n == 1 {
		return err
	}
	was, err := q.Bucket(ctx, query.BucketParams{Serial: string(b.serial), Width: seconds, StartAt: start})
	if errors.Is(err, sql.ErrNoRows) {
		return nil // another device
	}
	if err != nil {
		return err
	}
	figures := b.Pack()
	// What can't be read gives way.
	if old, err := status.Unpack(b.Start, was); err == nil {
		series := status.Coarsen([]status.Bucket{old, b.Bucket}, b.width)
		figures = series[0].Pack()
	}
	return q.PutBucket(ctx, query.PutBucketParams{Serial: string(b.serial), Width: seconds, StartAt: start, Figures: figures})
}
