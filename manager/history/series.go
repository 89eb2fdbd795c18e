package history

import (
	"context"
	"fmt"
	"time"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// Most buckets that a series has.
const Most = 2500

// Rule is the one whose buckets show a span best: the finest that are still kept
// from its start, and not too many.
func (s *Service) Rule(from, until time.Time) status.Rule {
	return s.c.Rules.For(s.c.Now(), from, until, Most)
}

// Series is what an account's vSocket measured in a span, in buckets of a width.
func (s *Service) Series(ctx context.Context, account string, serial site.Serial, width time.Duration, from, until time.Time) ([]status.Bucket, error) {
	rows, err := s.c.Store.Read().BucketsBetween(ctx, query.BucketsBetweenParams{AccountID: account, Serial: string(serial),
		Width: int64(width / time.Second), First: from.Add(1 - width).UnixMilli(), Until: until.UnixMilli(), Most: Most + 1})
	if err != nil {
		return nil, fmt.Errorf("reading what %s measured: %w", serial, err)
	}
	return unpacked(rows)
}

func unpacked(rows []query.Bucket) ([]status.Bucket, error) {
	series := make([]status.Bucket, 0, len(rows))
	for _, r := range rows {
		b, err := status.Unpack(time.UnixMilli(r.StartAt).UTC(), r.Figures)
		if err != nil {
			return nil, err
		}
		series = append(series, b)
	}
	return series, nil
}
