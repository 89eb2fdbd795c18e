// Package throttle is ARM's token bucket: a request takes a token, tokens come
// back at a steady rate (learn.microsoft.com/azure/azure-resource-manager/
// management/request-limits-and-throttling). Time is passed in.
package throttle

import "time"

// Limit is the size of a bucket and how many tokens come back each second.
type Limit struct {
	Size      float64
	PerSecond float64
}

// ARM's limits for each principal and subscription, and the network resource
// provider's for each subscription (1,000 writes and 10,000 reads in 5
// minutes, as a bucket of that size).
var (
	SubscriptionReads  = Limit{Size: 250, PerSecond: 25}
	SubscriptionWrites = Limit{Size: 200, PerSecond: 10}
	NetworkReads       = Limit{Size: 10000, PerSecond: 10000.0 / 300}
	NetworkWrites      = Limit{Size: 1000, PerSecond: 1000.0 / 300}
)

// Bucket holds what is left. The zero Bucket is full.
type Bucket struct {
	taken float64 // how many tokens are missing
	at    time.Duration
}

// Take takes a token at the instant now and returns how many whole ones are
// left, or, if there is none, after how long there will be one.
func (b *Bucket) Take(now time.Duration, l Limit) (left int, wait time.Duration) {
	if now > b.at {
		b.taken = max(0, b.taken-l.PerSecond*(now-b.at).Seconds())
		b.at = now
	}
	if b.taken+1 > l.Size {
		return 0, time.Duration((b.taken + 1 - l.Size) / l.PerSecond * float64(time.Second))
	}
	b.taken++
	return int(l.Size - b.taken), 0
}
